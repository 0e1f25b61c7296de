import { isolationOfWorkload } from "../keeper/isolation.ts";
import type { Keeper } from "../keeper/keeper.ts";
import { sandboxOf } from "../kernel/sandbox-report.ts";
import { edgeRows } from "../telemetry/report.ts";
import { findOpenDoors, namelessEndpoints } from "./around-mesh.ts";
import { identityStatus } from "./identity-operations.ts";
import { nodesStatus } from "./nodes.ts";

/** Edges shown as the worst. */
export const WORST_EDGES = 5;

/** How far back the worst edges are looked for. */
const WORST_SPAN_MS = 60_000;

/** Everything that one look at a node should tell; plain JSON. */
export function nodeStatus(keeper: Keeper): Readonly<Record<string, unknown>> {
  const { facts, configuration, options, state } = keeper;
  return {
    site: facts.site?.name ?? "",
    node: facts.site?.node ?? options.node ?? "",
    trustDomain: facts.site?.trustDomain ?? "",
    version: options.version,
    pid: process.pid,
    uptimeMs: Date.now() - keeper.startedAtMs,
    state: options.statePath,
    source: options.source,
    generation: configuration.served?.generation ?? 0,
    degraded: keeper.degraded,
    refusal: configuration.refusal,
    stateTrouble: state.trouble,
    outbound: keeper.addressOf("outbound"),
    metrics: keeper.addressOf("metrics"),
    failedListeners: keeper.failedListeners(),
    defaultAction: facts.site?.defaultAction,
    notices: notices(keeper),
    workers: workersOf(keeper),
    draining: keeper.orphans.map(({ pid, workerId }) => ({ pid, worker: workerId })),
    restarts: keeper.fleet.restarts,
    workloads: workloadsOf(keeper),
    runs: keeper.runs.list.map(({ pid, workload }) => ({ pid, workload })),
    openDoors: findOpenDoors(
      keeper.attest,
      ownAddresses(keeper),
      namelessEndpoints(keeper.callers, configuration.served),
    ),
    identity: identityStatus(keeper),
    nodes: nodesStatus(keeper),
    endpointsDown: endpointsDown(keeper),
    drained: configuration.drained,
    issues: configuration.issues,
    worstEdges: worstEdges(keeper),
  };
}

/** Processes of the mesh, for `status` and for measuring what it weighs. */
export function workersOf(keeper: Keeper): readonly object[] {
  return keeper.fleet.workers.map((worker) => {
    const sandbox = sandboxOf(worker.pid);
    return {
      pid: worker.pid,
      worker: worker.id,
      uptimeMs: performance.now() - worker.startedAtMs,
      generation: worker.acked,
      isReady: worker.ready > 0,
      sandbox: sandbox === null ? null : { ...sandbox, capabilities: sandbox.capabilities.toString(16) },
    };
  });
}

/** What an operator has to be told again and again until it is over. */
function notices(keeper: Keeper): string[] {
  const found: string[] = [];
  if (keeper.facts.site?.defaultAction === "audit") {
    found.push(
      "audit: workloads without an ALLOW policy may be called by anybody; once `selvedge logs --verdict audit` shows only strangers, set defaultAction: deny",
    );
  }
  if (keeper.facts.site?.defaultAction === "allow") {
    found.push("allow: workloads without an ALLOW policy may be called by anybody; set defaultAction: deny");
  }
  const open = keeper.facts.listeners.filter(({ role }) => role === "inbound");
  if (open.length > 0) {
    const addresses = open.map(({ key }) => key.slice("listener/inbound/".length)).join(", ");
    found.push(
      `PERMISSIVE: plaintext from outside reaches ${addresses}, as far as policies let callers without identity in`,
    );
  }
  if (keeper.configuration.degraded.includes("config")) {
    found.push("the configuration in the sources was refused; the last good one serves");
  }
  if (keeper.configuration.degraded.includes("crash_loop")) {
    found.push("the newest configuration killed workers; the one before serves");
  }
  return found;
}

function workloadsOf(keeper: Keeper): readonly object[] {
  const meshUids = [process.getuid?.() ?? 0, keeper.options.workerUid];
  const runs = new Set(keeper.runs.list.map((run) => run.workload));
  return keeper.callers.all.map((workload) => {
    const isolation = isolationOfWorkload(workload, meshUids);
    const strengths = workload.selectors.map((entry) => (entry.every((one) => one.type === "uid") ? "uid" : "cgroup"));
    const strength = strengths.includes("cgroup")
      ? "cgroup"
      : (strengths[0] ?? (runs.has(workload.key) ? "tree" : "none"));
    const { key, namespace, name, serviceAccount } = workload;
    return { key, namespace, name, serviceAccount, strength, isolation };
  });
}

/** Where the mesh itself listens, by `hostname:port` as keys of listeners write it, with the real port. */
function ownAddresses(keeper: Keeper): Set<string> {
  const addresses = new Set<string>();
  for (const worker of keeper.fleet.workers) {
    for (const [key, { port }] of worker.listeners) {
      addresses.add(`${key.slice(key.lastIndexOf("/") + 1, key.lastIndexOf(":"))}:${port}`);
    }
  }
  return addresses;
}

function endpointsDown(keeper: Keeper): readonly object[] {
  const down = new Map<string, object>();
  for (const worker of keeper.fleet.workers) {
    for (const [endpoint, report] of worker.endpoints) down.set(endpoint, { endpoint, ...report });
  }
  return [...down.values()];
}

function worstEdges(keeper: Keeper): readonly object[] {
  const rows = edgeRows(keeper.recentTraffic(WORST_SPAN_MS));
  const isBad = (row: (typeof rows)[number]) => row.failed > 0 || row.denied > 0;
  return rows
    .filter(isBad)
    .sort((a, b) => b.failed + b.denied - (a.failed + a.denied))
    .slice(0, WORST_EDGES);
}
