/** What is measured: a direct connection, HAProxy, nginx, Selvedge; and the origin behind them. */
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { findProgram } from "../../tools/find-program.ts";
import { type MeshOptions, meshFile, TCP_ADDRESS } from "../mesh.ts";
import {
  CORE_OF_OTHERS,
  CORE_UNDER_TEST,
  GENERATOR_UID,
  isListening,
  type Program,
  start,
  stop,
  untilListening,
} from "./processes.ts";
import { copyPackage, type Scratch } from "./scratch.ts";

/** Something that forwards, running. */
export interface Subject {
  readonly name: string;
  readonly httpPort: number;
  readonly tcp: { readonly hostname: string; readonly port: number } | undefined;
  /** Root of its process tree; `undefined` for the direct connection. */
  readonly pid: number | undefined;
  /** Root of a second one, where it is two programs. */
  readonly alsoPid?: number;
  stop(): Promise<void>;
}

export const ORIGIN_PORTS: readonly [number, number] = [21_901, 21_902];
export const SINK_PORT = 21_903;

function fill(template: string, words: Readonly<Record<string, string | number>>): string {
  return Object.entries(words).reduce((text, [word, value]) => text.replaceAll(word, String(value)), template);
}

function writeConfig(scratch: Scratch, template: string, name: string, words: Record<string, string | number>): string {
  const path = join(scratch.folder, name);
  const text = readFileSync(join(import.meta.dir, "..", template), "utf8");
  writeFileSync(
    path,
    fill(text, { SCRATCH: scratch.folder, ORIGIN_1: ORIGIN_PORTS[0], ORIGIN_2: ORIGIN_PORTS[1], SINK_PORT, ...words }),
  );
  return path;
}

async function program(name: string, command: readonly string[], core: number, port: number): Promise<Program> {
  const path = findProgram(command[0] as string);
  if (path === undefined) throw new Error(`${command[0]} is missing; run scripts/install-test-packages.sh`);
  if (await isListening(port))
    throw new Error(`something listens on port ${port} already; is another benchmark running?`);
  const child = start([path, ...command.slice(1)], { core });
  await untilListening(port).catch(async (error: unknown) => {
    await stop(child);
    throw new Error(`${name} did not start: ${await new Response(child.stderr).text()}`, { cause: error });
  });
  return child;
}

/** Starts the origin, with files of the sizes that bodies are measured at. */
export async function startOrigin(scratch: Scratch): Promise<Subject> {
  const files = join(scratch.folder, "files");
  mkdirSync(files, { recursive: true });
  for (const [name, bytes] of [
    ["1k", 1 << 10],
    ["10k", 10 << 10],
    ["100k", 100 << 10],
    ["1m", 1 << 20],
    ["1g", 2 ** 30],
  ] as const) {
    writeFileSync(join(files, name), "");
    truncateSync(join(files, name), bytes);
  }
  const config = writeConfig(scratch, "origin.conf", "origin.conf", {});
  const child = await program("origin", ["nginx", "-c", config], CORE_OF_OTHERS, ORIGIN_PORTS[0]);
  return {
    name: "direct",
    httpPort: ORIGIN_PORTS[0],
    tcp: { hostname: "127.0.0.1", port: SINK_PORT },
    pid: undefined,
    stop: () => stop(child),
  };
}

/** Starts HAProxy with bench/haproxy.cfg. */
export async function startHaproxy(scratch: Scratch): Promise<Subject> {
  const [httpPort, tcpPort] = [21_911, 21_912];
  const config = writeConfig(scratch, "haproxy.cfg", "haproxy.cfg", { HTTP_PORT: httpPort, TCP_PORT: tcpPort });
  const child = await program("HAProxy", ["haproxy", "-db", "-f", config], CORE_UNDER_TEST, httpPort);
  const tcp = { hostname: "127.0.0.1", port: tcpPort };
  return { name: "haproxy", httpPort, tcp, pid: child.pid, stop: () => stop(child) };
}

/** Starts nginx with bench/nginx.conf. */
export async function startNginx(scratch: Scratch): Promise<Subject> {
  const httpPort = 21_921;
  const config = writeConfig(scratch, "nginx.conf", "nginx.conf", { HTTP_PORT: httpPort });
  const child = await program("nginx", ["nginx", "-c", config], CORE_UNDER_TEST, httpPort);
  return { name: "nginx", httpPort, tcp: undefined, pid: child.pid, stop: () => stop(child) };
}

export interface SelvedgeOptions extends Partial<MeshOptions> {
  /** Distinguishes several at a time, and names the state directory. */
  readonly label?: string;
  /** Reuses the state directory and the mesh file of an earlier start with the same label. */
  readonly isWarm?: boolean;
}

export interface SelvedgeSubject extends Subject {
  readonly pid: number;
  readonly bin: string;
  readonly stateFolder: string;
  readonly meshPath: string;
  /** Milliseconds from the start of the process to the ready line. */
  readonly readyMs: number;
  readonly ready: Readonly<Record<string, unknown>>;
}

/** Starts `selvedge up` from a private copy of the package and waits for its ready line. */
export async function startSelvedge(scratch: Scratch, options: SelvedgeOptions = {}): Promise<SelvedgeSubject> {
  const label = options.label ?? "selvedge";
  const stateFolder = join(scratch.folder, `${label}-state`);
  const meshPath = join(scratch.folder, `${label}.yaml`);
  if (options.isWarm !== true)
    writeFileSync(meshPath, meshFile({ generatorUid: GENERATOR_UID, originPorts: ORIGIN_PORTS, ...options }));
  const bin = join(copyPackage(scratch), "bin/selvedge");
  const startedAt = performance.now();
  const child = start([bin, "up", "-f", meshPath, "--state", stateFolder, "-o", "json"], {
    core: CORE_UNDER_TEST,
    stdout: "pipe",
  });
  const ready = await firstLine(child).catch(async (error: unknown) => {
    await stop(child);
    throw new Error(`selvedge up printed no ready line: ${await new Response(child.stderr).text()}`, { cause: error });
  });
  return {
    name: label,
    httpPort: Number(String(ready["outbound"]).split(":").at(-1)),
    tcp: options.sinkPort === undefined ? undefined : { hostname: TCP_ADDRESS, port: 5201 },
    pid: child.pid,
    bin,
    stateFolder,
    meshPath,
    readyMs: performance.now() - startedAt,
    ready,
    stop: () => stop(child),
  };
}

/** Reads the first line of stdout as JSON and lets the rest flow away. */
export async function firstLine(child: Program): Promise<Record<string, unknown>> {
  const reader = (child.stdout as ReadableStream<Uint8Array>).getReader();
  const decoder = new TextDecoder();
  let text = "";
  while (!text.includes("\n")) {
    const { value, done } = await reader.read();
    if (done) throw new Error("its output ended");
    text += decoder.decode(value, { stream: true });
  }
  void drain(reader);
  return JSON.parse(text.slice(0, text.indexOf("\n"))) as Record<string, unknown>;
}

async function drain(reader: { read(): Promise<{ done: boolean }> }): Promise<void> {
  while (!(await reader.read()).done);
}
