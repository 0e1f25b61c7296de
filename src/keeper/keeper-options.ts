import type { OwnerSources } from "./attest/attest-service.ts";
import type { IdentityOptions } from "./identity/identity-options.ts";
import type { KeeperEvent } from "./keeper-event.ts";
import type { TakenAddress } from "./port-conflict.ts";
import type { CompileProgram } from "./reload/compile-child.ts";
import type { RunningWorker } from "./workers/run-file.ts";
import type { LaunchWorker } from "./workers/worker-program.ts";

/** Everything that a keeper is told, and everything it acts through. */
export interface KeeperOptions {
  /** Sources; folders and files. */
  readonly paths: readonly string[];
  /** Whether the paths are the operator's, watched, or the state directory's own. */
  readonly source: "files" | "applied";
  readonly statePath: string;
  readonly node: string | undefined;
  readonly workers: number;
  /** Version of the mesh, for metrics, and so that another version compiles anew. */
  readonly version: string;
  readonly compileProgram: CompileProgram;
  /** What compiling depends on besides the files: the users of the machine. */
  readonly salt: () => string;
  readonly launch: LaunchWorker;
  /** Workers of an earlier keeper that run, besides those that the run file names. */
  readonly leftWorkers?: () => readonly RunningWorker[];
  readonly owners: OwnerSources;
  /** Absent: this keeper makes and reads no identity. */
  readonly identity?: IdentityOptions;
  /** Every TCP socket of the machine that listens. */
  readonly listening: () => readonly TakenAddress[];
  /** User id that workers run as. */
  readonly workerUid: number;
  /** Path of the admin socket, as the ready event tells it. */
  readonly adminPath: string;
  readonly emit: (event: KeeperEvent) => void;
}
