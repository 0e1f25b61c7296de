/** Two nodes on this machine with mutual TLS between them: Selvedge, and HAProxy with HTTP/2 or HTTP/1.1 in between. */
import { mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { certify } from "../../test/support/certificates.ts";
import { findProgram } from "../../tools/find-program.ts";
import { type MeshOptions, meshFile, PAIR_NODES, TCP_ADDRESS } from "../mesh.ts";
import { CORE_UNDER_TEST, GENERATOR_UID, type Program, runToEnd, start, stop, untilListening } from "./processes.ts";
import { copyPackage, type Scratch } from "./scratch.ts";
import { firstLine, ORIGIN_PORTS, SINK_PORT, type Subject } from "./subjects.ts";
import { HOST } from "./wrk.ts";

/** Port of the gRPC origin. */
export const GRPC_ORIGIN_PORT = 21_904;

/** Two ends of a way, running. */
export interface PairSubject extends Subject {
  readonly pid: number;
  /** Where gRPC is called, by prior knowledge, and as which host. */
  readonly grpc: { readonly port: number; readonly authority: string };
  /** Where the called end takes what comes from the other. */
  readonly tunnel: { readonly hostname: string; readonly port: number };
  /** State directory of the caller's end, with the site's root; Selvedge's only. */
  readonly state?: string;
}

const CALLED_ADDRESS = "127.0.0.2";

/** HAProxy's two ends, `h2` between them (its best) or HTTP/1.1. */
export async function startHaproxyPair(scratch: Scratch, alpn: "h2" | "http/1.1"): Promise<PairSubject> {
  const name = alpn === "h2" ? "haproxy h2" : "haproxy h1";
  const base = alpn === "h2" ? 21_930 : 21_940;
  const words = {
    SCRATCH: scratch.folder,
    ALPN: alpn,
    GRPC_PEER_PORT: base + 4,
    TCP_PEER_PORT: base + 5,
    PEER_PORT: base + 3,
    HTTP_PORT: base,
    GRPC_PORT: base + 1,
    TCP_PORT: base + 2,
    ORIGIN_1: ORIGIN_PORTS[0],
    ORIGIN_2: ORIGIN_PORTS[1],
    GRPC_ORIGIN: GRPC_ORIGIN_PORT,
    SINK_PORT,
  };
  writeCertificates(scratch);
  const program = findProgram("haproxy");
  if (program === undefined) throw new Error("haproxy is missing; run scripts/install-test-packages.sh");
  const begin = (end: "called" | "caller") =>
    start([program, "-db", "-f", writeWords(scratch, `haproxy-${end}.cfg`, `${alpn.replace("/", "")}-`, words)], {
      core: CORE_UNDER_TEST,
    });
  const ends = [begin("called"), begin("caller")] as const;
  await untilListening(base).catch(async (error: unknown) => {
    await stopBoth(ends);
    throw new Error(`${name} did not start: ${await new Response(ends[1].stderr).text()}`, { cause: error });
  });
  return {
    name,
    httpPort: base,
    grpc: { port: base + 1, authority: "greeter.prod" },
    tcp: { hostname: "127.0.0.1", port: base + 2 },
    tunnel: { hostname: CALLED_ADDRESS, port: base + 3 },
    pid: ends[0].pid,
    alsoPid: ends[1].pid,
    stop: () => stopBoth(ends),
  };
}

async function stopBoth(ends: readonly Program[]): Promise<void> {
  await Promise.all(ends.map((end) => stop(end)));
}

function writeWords(
  scratch: Scratch,
  template: string,
  prefix: string,
  words: Record<string, string | number>,
): string {
  const path = join(scratch.folder, prefix + template);
  const text = readFileSync(join(import.meta.dir, "..", template), "utf8");
  writeFileSync(
    path,
    Object.entries(words).reduce((filled, [word, value]) => filled.replaceAll(word, String(value)), text),
  );
  return path;
}

/** A root of their own, and a certificate for each end, P-256 as Selvedge's. */
function writeCertificates(scratch: Scratch): void {
  const root = certify({ subject: "bench root", isCa: true });
  writeFileSync(join(scratch.folder, "ca.pem"), root.certPem);
  for (const end of ["caller", "called"]) {
    const leaf = certify({ subject: end, uris: [`spiffe://bench.example/selvedge/node/${end}`] }, root);
    writeFileSync(join(scratch.folder, `${end}.pem`), `${leaf.certPem}${leaf.keyPem}`);
  }
}

/** Two nodes of a site, one joined to the other, their tunnel up. */
export async function startSelvedgePair(
  scratch: Scratch,
  options: Partial<MeshOptions> = {},
  label = "selvedge",
): Promise<PairSubject> {
  const bin = join(copyPackage(scratch), "bin/selvedge");
  // A site of its own each time: who has joined cannot join again.
  const folder = mkdtempSync(join(scratch.folder, `${label}-`));
  const tunnels = ["127.0.0.1:21951", `${CALLED_ADDRESS}:21951`] as const;
  const place = (number: 0 | 1) => {
    const node = PAIR_NODES[number];
    const [file, state] = [join(folder, `${node}.yaml`), join(folder, node)];
    const mesh = {
      generatorUid: GENERATOR_UID,
      originPorts: ORIGIN_PORTS,
      grpcOriginPort: GRPC_ORIGIN_PORT,
      ...options,
    };
    writeFileSync(file, meshFile({ ...mesh, pair: { node, tunnels } }));
    return { node, file, state };
  };
  const up = ({ node, file, state }: ReturnType<typeof place>) =>
    start([bin, "up", "-f", file, "--node", node, "--state", state, "-o", "json"], {
      core: CORE_UNDER_TEST,
      stdout: "pipe",
    });
  const [caller, called] = [place(0), place(1)];
  const first = up(caller);
  const ends: Program[] = [first];
  try {
    const ready = await firstLine(first);
    const token = await retried(() =>
      runToEnd([bin, "node", "invite", called.node, "--state", caller.state], ANY_CORE),
    );
    await runToEnd([bin, "node", "join", token.trim(), "--state", called.state], ANY_CORE);
    const second = up(called);
    ends.push(second);
    await firstLine(second);
    const httpPort = Number(String(ready["outbound"]).split(":").at(-1));
    await untilAnswered(httpPort);
    return {
      name: label,
      httpPort,
      grpc: { port: httpPort, authority: "greeter.prod:50051" },
      tcp: options.sinkPort === undefined ? undefined : { hostname: TCP_ADDRESS, port: 5201 },
      tunnel: { hostname: CALLED_ADDRESS, port: 21_951 },
      state: caller.state,
      pid: first.pid,
      alsoPid: second.pid,
      stop: () => stopBoth(ends),
    };
  } catch (error) {
    await stopBoth(ends);
    throw error;
  }
}

const ANY_CORE = { core: CORE_UNDER_TEST } as const;
const WAIT_MS = 100;
const TRIES = 100;

/** Until it does not throw. What it needs is made in the background. */
async function retried<T>(work: () => Promise<T>): Promise<T> {
  for (let left = TRIES; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0) throw error;
      await Bun.sleep(WAIT_MS);
    }
  }
}

/** Until a request of the generator gets through to the other end. */
function untilAnswered(port: number): Promise<string> {
  const command = ["curl", "-sf", "-o", "/dev/null", "-H", `Host: ${HOST}`, `http://127.0.0.1:${port}/100`];
  return retried(() => runToEnd(command, { core: CORE_UNDER_TEST, uid: GENERATOR_UID }));
}
