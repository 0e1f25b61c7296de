import { join } from "node:path";
import { programAs } from "./as-user.ts";
import { type LineProcess, startLines } from "./line-process.ts";
import type { MeshLoad, MeshLoadReport } from "./mesh-load-program.ts";
import type { OriginArgument } from "./mesh-origin-program.ts";

/** Running callers. Dispose of them. */
export interface Callers extends AsyncDisposable {
  readonly pid: number;
  report(): Promise<MeshLoadReport>;
  /** Ends them after their last answers. */
  stop(): Promise<MeshLoadReport>;
}

/** Starts callers as `uid`; resolves when they run. `wrapper`: what they are started through. */
export async function startCallers(load: MeshLoad, uid?: number, wrapper: readonly string[] = []): Promise<Callers> {
  const child = startLines([...wrapper, ...programAs(uid, join(import.meta.dir, "mesh-load-program.ts"), load)]);
  await child.line();
  return {
    pid: child.pid,
    report: async () => ask(child, "report"),
    stop: async () => ask(child, "stop"),
    [Symbol.asyncDispose]: () => child.end(),
  };
}

async function ask(child: LineProcess, word: string): Promise<MeshLoadReport> {
  child.say(word);
  return JSON.parse(await child.line()) as MeshLoadReport;
}

/** A running service. Dispose of it. */
export interface Origin extends AsyncDisposable {
  readonly pid: number;
  readonly port: number;
  /** Requests that reached it. */
  served(): Promise<number>;
}

/** Where a service listens and how it is started. */
export interface OriginPlace {
  /** A unix socket in place of a port of 127.0.0.1. */
  readonly unix?: string;
  /** Default: a free one. */
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly hostname?: string;
  /** What it is started through. */
  readonly wrapper?: readonly string[];
}

/** Starts a service as `uid`. */
export async function startOrigin(name: string, uid?: number, place: OriginPlace = {}): Promise<Origin> {
  const { wrapper = [], ...where } = place;
  const argument: OriginArgument = { name, ...where };
  const child = startLines([...wrapper, ...programAs(uid, join(import.meta.dir, "mesh-origin-program.ts"), argument)]);
  const port = Number(await child.line());
  return {
    pid: child.pid,
    port,
    async served() {
      child.say("served");
      return Number(await child.line());
    },
    [Symbol.asyncDispose]: () => child.end(),
  };
}
