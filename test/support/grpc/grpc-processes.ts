/** gRPC clients and servers that others wrote (grpc-js on the system's Node), as processes that tests talk to. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../../tools/find-program.ts";
import { asUser } from "../as-user.ts";
import { startLines } from "../line-process.ts";
import type { Targets } from "./cases.ts";
import type { CallReport, Order, Report } from "./client-program.ts";
import type { Served } from "./service.ts";

/** A running server. Dispose of it. */
export interface GrpcServer extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Port of the server that can compress. */
  readonly compressingPort: number;
  served(): Promise<Served>;
}

/** A running client. Dispose of it. */
export interface GrpcClient extends AsyncDisposable {
  /** Why a case failed; `undefined` where it passed. */
  runCase(name: string, targets: Targets): Promise<string | undefined>;
  /** Calls a method of one channel. */
  calls(order: Extract<Order, { readonly calls: number }>): Promise<readonly CallReport[]>;
}

/** The two programs, made ready for a runtime. Dispose of it after its processes. */
export class GrpcPrograms implements Disposable {
  readonly #folder = mkdtempSync(join(tmpdir(), "selvedge-grpc-"));
  readonly #runtime: readonly string[];

  private constructor(runtime: readonly string[]) {
    this.#runtime = runtime;
  }

  /** @param runtime what runs them: the system's Node where there is one, whose HTTP/2 is nghttp2's, else this runtime. */
  static async make(runtime: readonly string[] = [findProgram("node") ?? process.execPath]): Promise<GrpcPrograms> {
    const programs = new GrpcPrograms(runtime);
    const built = await Bun.build({
      entrypoints: ["client", "server"].map((name) => join(import.meta.dir, `${name}-program.ts`)),
      outdir: programs.#folder,
      target: "node",
      naming: "[name].mjs",
    });
    if (!built.success) throw new Error(built.logs.join("\n"));
    return programs;
  }

  /** @param uid who runs it; default: the test's own user. */
  async server(name: string, uid?: number): Promise<GrpcServer> {
    const child = startLines([...asUser(uid), ...this.#runtime, join(this.#folder, "server-program.mjs"), name]);
    const ports = JSON.parse(await child.line()) as { port: number; compressingPort: number };
    return {
      pid: child.pid,
      ...ports,
      async served() {
        child.say("served");
        return JSON.parse(await child.line()) as Served;
      },
      [Symbol.asyncDispose]: () => child.end(),
    };
  }

  client(uid?: number): GrpcClient {
    const child = startLines([...asUser(uid), ...this.#runtime, join(this.#folder, "client-program.mjs")]);
    const obey = async (order: Order): Promise<Report> => {
      child.say(JSON.stringify(order));
      return JSON.parse(await child.line()) as Report;
    };
    return {
      runCase: async (name, targets) => (await obey({ case: name, targets })).failure,
      calls: async (order) => (await obey(order)).calls ?? [],
      [Symbol.asyncDispose]: () => child.end(),
    };
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
