import type { SnapshotRecord } from "../../src/model/snapshot.ts";
import { TO_KEEPER } from "../../src/wire/channel/frames.ts";
import { doc } from "./test-mesh.ts";
import { type TestWorkload, TunnelIdentities } from "./tunnel-identities.ts";
import { until } from "./until.ts";
import { compileYaml, startWorker, type WorkerHarness } from "./worker-harness.ts";

type Json = Readonly<Record<string, unknown>>;

const OWN_UID = process.getuid?.() ?? 0;
export const TRUST_DOMAIN = "test.example";
/** The node of the caller, and the one of the endpoints. */
export const NODES = ["till-1", "till-2"] as const;
export type NodeName = (typeof NODES)[number];

/** Ports of the tunnels of one pair; the address tells its nodes apart. */
let nextPort = 21_000 + (process.pid % 500) * 8;

/** A port that no other pair of this process has. */
export function pairPort(): number {
  return nextPort++;
}

/** Where a node's tunnel listens: nodes of a pair share a port, and differ in their address. */
export function addressOf(node: NodeName): string {
  return `127.0.77.${NODES.indexOf(node) + 1}`;
}

/** The documents of a site with two nodes; on `till-1` this process is the workload prod/web. */
export interface PairMesh {
  /** Of prod/web; default: this process. */
  readonly selectors?: readonly (readonly string[])[];
  /** Where prod/web runs; default: till-1. */
  readonly webNode?: NodeName;
  readonly site?: Json;
  readonly calls?: readonly string[];
  readonly documents?: readonly Json[];
}

/** Two real workers, each as a node of one site, with a tunnel between them. Dispose of it. */
export interface TunnelPair extends AsyncDisposable {
  /** `till-1`, where the callers are. */
  readonly source: WorkerHarness;
  /** `till-2`. */
  readonly there: WorkerHarness;
  readonly identities: TunnelIdentities;
  /** Serves other documents on one node or both. */
  apply(mesh: PairMesh, node?: NodeName): Promise<void>;
  /** Starts the worker of a node anew; the old one is killed where it still runs. */
  restart(node: NodeName): Promise<void>;
  /** Brings a node new certificates of its own and of its workloads. */
  renew(node: NodeName): Promise<void>;
  /** Resolves when the tunnel from `till-1` to `till-2` is up, having been seen so `times` times. */
  up(times?: number): Promise<void>;
}

/** The text of the documents as they stand on one node: only where its tunnel listens is its own. */
export function pairText(mesh: PairMesh, node: NodeName, port: number): string {
  const address = (of: NodeName): string => `${addressOf(of)}:${port}`;
  const site = doc("selvedge/v1", "Site", "test", {
    trustDomain: TRUST_DOMAIN,
    outbound: "127.0.0.1:0",
    metrics: "127.0.0.1:0",
    tunnel: address(node),
    defaultAction: "allow",
    accessLogSamplePercent: 100,
    ...mesh.site,
  });
  const nodes = NODES.map((name) => doc("selvedge/v1", "Node", name, { address: address(name) }));
  const calls = mesh.calls === undefined ? {} : { calls: mesh.calls };
  const web = doc(
    "selvedge/v1",
    "Workload",
    "web",
    { node: mesh.webNode ?? "till-1", selectors: mesh.selectors ?? [[`unix:uid:${OWN_UID}`]], ...calls },
    { app: "web" },
  );
  return [site, ...nodes, web, ...(mesh.documents ?? [])].map((one) => `---\n${JSON.stringify(one)}\n`).join("");
}

/** A workload on a node, with one port `main`, labelled `app: <name>`. */
export function nodeWorkload(name: string, node: NodeName, port: number, more: Json = {}, labels: Json = {}): Json {
  const spec = { node, address: "127.0.0.1", ports: { main: port }, ...more };
  return doc("selvedge/v1", "Workload", name, spec, { app: name, ...labels });
}

/** A worker with an identity, as its keeper would have started it. @param workloads of its node. */
export async function startNode(
  node: NodeName,
  text: string,
  identities: TunnelIdentities,
  workloads: readonly TestWorkload[],
): Promise<WorkerHarness> {
  const worker = await startWorker(text, () => null, node);
  worker.send(identities.trustFrame());
  for (const frame of await identities.keyFrames(node, workloads)) worker.send(frame);
  return worker;
}

/**
 * Starts both workers, and waits for the tunnel. @param second the documents of `till-2` where they are to differ: both workers
 * are on one machine, so that only one of them can have a listener at a clusterIP or a Gateway.
 */
export async function startPair(first: PairMesh, second = first): Promise<TunnelPair> {
  const port = pairPort();
  const identities = await TunnelIdentities.make(TRUST_DOMAIN, NODES);
  const meshes = { "till-1": first, "till-2": second };
  const records = (node: NodeName): readonly SnapshotRecord[] => compileYaml(pairText(meshes[node], node, port), node);
  const workloads = (node: NodeName): TestWorkload[] =>
    records(node).flatMap((record) => (record.kind === "workload" && record.isLocal ? [record] : []));
  const start = (node: NodeName): Promise<WorkerHarness> =>
    startNode(node, pairText(meshes[node], node, port), identities, workloads(node));
  const workers = { "till-1": await start("till-1"), "till-2": await start("till-2") };
  const pair: TunnelPair = {
    get source() {
      return workers["till-1"];
    },
    get there() {
      return workers["till-2"];
    },
    identities,
    apply: async (mesh, node) => {
      for (const name of node === undefined ? NODES : [node]) {
        meshes[name] = mesh;
        await workers[name].applyRecords(records(name));
      }
    },
    restart: async (node) => {
      await workers[node][Symbol.asyncDispose]();
      workers[node] = await start(node);
    },
    renew: async (node) => {
      for (const frame of await identities.keyFrames(node, workloads(node))) workers[node].send(frame);
    },
    up: async (times = 1) => {
      const isUp = (): boolean => {
        const ups = workers["till-1"].frames.filter(
          (frame) => frame.type === TO_KEEPER.TUNNEL && frame.direction === "dialer" && frame.isUp,
        );
        return ups.length >= times;
      };
      await until(isUp, "the tunnel", 10_000);
    },
    [Symbol.asyncDispose]: async () => {
      await workers["till-1"][Symbol.asyncDispose]();
      await workers["till-2"][Symbol.asyncDispose]();
    },
  };
  await pair.up();
  return pair;
}
