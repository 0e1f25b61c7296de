import { servedLines } from "../keeper/generation/served.ts";
import type { Keeper } from "../keeper/keeper.ts";
import type { ChangeOutcome } from "../keeper/reload/configuration.ts";
import { startTimeOf, userIdsOf } from "../kernel/process-facts.ts";
import { accessLogEntry } from "../telemetry/access-log.ts";
import type { RequestRecord } from "../telemetry/access-record.ts";
import { renderPrometheus } from "../telemetry/exposition.ts";
import { type RecordPredicate, recordFilter } from "../telemetry/record-filter.ts";
import { edgeRows, STAT_KINDS, statRows } from "../telemetry/report.ts";
import { isBelowRun, refusePeer, workloadUids } from "./admin-peer.ts";
import type { AdminCall, AdminHandlers } from "./admin-server.ts";
import { applyDocuments } from "./apply.ts";
import { backupIdentity, listIdentity, restoreIdentity, rotateIdentity, showIdentity } from "./identity-operations.ts";
import { banNode, inviteNode, listNodes, unbanNode } from "./nodes.ts";
import { AdminError } from "./protocol.ts";
import { filesOf, integerOf, optionalTexts, textOf } from "./request-fields.ts";
import { nodeStatus, workersOf } from "./status.ts";

/** Longest look back of `stat` and `edges`: what history holds. */
const SPAN_MS_MAX = 3_600_000;

/** Records that may wait for a slow reader of `tap`; more are counted as skipped. */
export const TAP_WAITING_MAX = 2048;

/** Before each look for a record. Reason: a caller may have its answer a moment before the worker has written the record. */
const RECORD_WAITS_MS = [0, 20, 80] as const;

type Operation = (keeper: Keeper, call: AdminCall) => unknown;

/** Every operation there is. What changes something is written into the audit log. */
const OPERATIONS: Readonly<Record<string, Operation>> = {
  status: (keeper) => nodeStatus(keeper),
  workers: (keeper) => ({ keeper: process.pid, workers: workersOf(keeper) }),
  generation: (keeper) => ({
    generation: keeper.configuration.served?.generation ?? 0,
    degraded: keeper.degraded,
    issues: keeper.configuration.issues,
  }),
  stat: (keeper, { request }) => {
    const kind = STAT_KINDS.find((known) => known === request["kind"]) ?? "service";
    const window = keeper.recentTraffic(spanOf(request));
    return { coveredMs: window.coveredMs, rows: statRows(window, kind) };
  },
  edges: (keeper, { request }) => {
    const window = keeper.recentTraffic(spanOf(request));
    return { coveredMs: window.coveredMs, rows: edgeRows(window) };
  },
  records: sendRecords,
  conditions: (keeper) => keeper.configuration.conditions,
  metrics: sendMetrics,
  request: (keeper, { request }) => findRequest(keeper, textOf(request, "id")),
  logs: (keeper, call) => follow(keeper, call, false),
  tap: (keeper, call) => follow(keeper, call, true),
  reload: audited(async (keeper) => changeResult(await keeper.reload(true))),
  apply: audited(async (keeper, { request }) => {
    const { paths, files } = filesOf(request);
    return changeResult(await applyDocuments(keeper, paths, files));
  }),
  "node-ls": (keeper) => listNodes(keeper),
  "node-invite": audited(inviteNode),
  "node-ban": audited(banNode),
  "node-unban": audited(unbanNode),
  drain: audited((keeper, call) => setDrained(keeper, call, true)),
  undrain: audited((keeper, call) => setDrained(keeper, call, false)),
  "identity-list": listIdentity,
  "identity-show": showIdentity,
  "identity-rotate": audited(rotateIdentity),
  "identity-backup": audited(backupIdentity),
  "identity-restore": audited(restoreIdentity),
  "run-register": audited(registerRun),
  "run-remove": audited((keeper, { request }) => keeper.runs.remove(integerOf(request, "pid", 2, 2 ** 31))),
};

/** What the admin server does for a keeper. */
export function adminHandlers(keeper: Keeper): AdminHandlers {
  return {
    refuse: (peer) =>
      refusePeer({
        uid: peer.uid,
        meshUid: process.getuid?.() ?? 0,
        workerUid: keeper.options.workerUid,
        workloadUids: workloadUids(keeper.callers.all),
        isBelowRun: isBelowRun(peer, keeper.runs.list),
      }),
    call: async (call) => {
      const operation = Object.hasOwn(OPERATIONS, call.op) ? OPERATIONS[call.op] : undefined;
      if (operation === undefined) throw new AdminError("bad_request", `there is no operation ${call.op}`);
      return operation(keeper, call);
    },
  };
}

function audited(operation: Operation): Operation {
  return async (keeper, call) => {
    const { op, peer, request } = call;
    const facts = {
      pid: request["pid"],
      workload: request["workload"],
      endpoint: request["endpoint"],
      paths: request["paths"],
      node: request["node"],
      reason: request["reason"],
      what: request["what"],
      how: request["how"],
    };
    let outcome = "failed";
    try {
      const result = await operation(keeper, call);
      outcome = "done";
      return result;
    } finally {
      const line = { time: new Date().toISOString(), op, uid: peer.uid, peer: peer.pid, ...facts, outcome };
      writeAudit(keeper, `${JSON.stringify(line)}\n`);
    }
  };
}

function writeAudit(keeper: Keeper, line: string): void {
  try {
    keeper.auditLog.append(line);
    keeper.state.forgive("audit log");
  } catch (error) {
    keeper.state.note("audit log", error instanceof Error ? error.message : String(error));
  }
}

function spanOf(request: Readonly<Record<string, unknown>>): number {
  return integerOf(request, "sinceMs", 1000, SPAN_MS_MAX, 60_000);
}

function changeResult(outcome: ChangeOutcome): unknown {
  if (outcome.ok) return { generation: outcome.generation, isPersisted: outcome.isPersisted };
  throw new AdminError("refused", outcome.reason, { issues: outcome.issues });
}

/** The records that workers have, one item each: clients evaluate them, so that the keeper stays small. */
async function sendRecords(keeper: Keeper, call: AdminCall): Promise<unknown> {
  const generation = integerOf(call.request, "generation", 0, Number.MAX_SAFE_INTEGER, 0);
  const { configuration } = keeper;
  const served = generation === 0 ? configuration.served : configuration.servedAs(generation);
  if (served === undefined) throw new AdminError("not_found", `generation ${generation} is no longer kept`);
  for (const line of servedLines(served)) await call.send(JSON.parse(line.toString()));
  return { generation: served.generation };
}

async function sendMetrics(keeper: Keeper, call: AdminCall): Promise<unknown> {
  const decoder = new TextDecoder();
  for (const piece of renderPrometheus(keeper.stats.sources(), keeper.options.version)) {
    await call.send(decoder.decode(piece, { stream: true }));
  }
  return null;
}

async function findRequest(keeper: Keeper, id: string): Promise<unknown> {
  for (const waitMs of RECORD_WAITS_MS) {
    await Bun.sleep(waitMs);
    const line = keeper.findRecord(id);
    if (line !== undefined) return JSON.parse(line);
  }
  const others = keeper.facts.nodes.filter(({ isLocal }) => !isLocal).map(({ name }) => name);
  const elsewhere = others.length === 0 ? "" : `, or another node gave it: ask ${others.join(" or ")}`;
  const why = `it was not logged (successes are sampled), or it is too old${elsewhere}`;
  throw new AdminError("not_found", `no record of ${id}: ${why}`);
}

/** `logs`: what is remembered, then what comes if `follow`. `tap`: every request from now on. Until the client goes. */
async function follow(keeper: Keeper, call: AdminCall, isTap: boolean): Promise<unknown> {
  const filter = recordFilter(optionalTexts(call.request, ["from", "to", "status", "verdict", "path", "method", "id"]));
  if (typeof filter === "string") throw new AdminError("bad_request", filter);
  if (!isTap) {
    const count = integerOf(call.request, "count", 0, 1024, 100);
    const matching = keeper.tail.recent.filter(filter);
    for (const record of count === 0 ? [] : matching.slice(-count)) await call.send(accessLogEntry(record));
    if (call.request["follow"] !== true) return null;
  }
  const end = isTap ? keeper.tap() : keeper.tail.watch();
  try {
    return await stream(keeper, call, filter);
  } finally {
    end();
  }
}

async function stream(keeper: Keeper, call: AdminCall, filter: RecordPredicate): Promise<unknown> {
  const waiting: RequestRecord[] = [];
  let skipped = 0;
  let wake = () => {};
  const unsubscribe = keeper.tail.subscribe((records) => {
    for (const record of records) {
      if (!filter(record)) continue;
      if (waiting.length < TAP_WAITING_MAX) waiting.push(record);
      else skipped++;
    }
    wake();
  });
  const gone = new Promise<void>((resolve) => call.signal.addEventListener("abort", () => resolve(), { once: true }));
  try {
    while (!call.signal.aborted) {
      for (const record of waiting.splice(0)) await call.send(accessLogEntry(record));
      if (skipped > 0) await call.send({ skipped });
      skipped = 0;
      if (waiting.length > 0) continue;
      const { promise, resolve } = Promise.withResolvers<void>();
      wake = resolve;
      await Promise.race([promise, gone]);
    }
    return null;
  } finally {
    unsubscribe();
  }
}

async function setDrained(keeper: Keeper, { request }: AdminCall, isDrained: boolean): Promise<unknown> {
  const startedAtMs = performance.now();
  const outcome = await keeper.configuration.drain(textOf(request, "endpoint"), isDrained);
  if (!outcome.ok) throw new AdminError("refused", outcome.reason);
  return { generation: outcome.generation, isPersisted: outcome.isPersisted, tookMs: performance.now() - startedAtMs };
}

/** A process, named by its parent before it executes the program, counts as a workload from now on, with its descendants. */
function registerRun(keeper: Keeper, { request, peer }: AdminCall): unknown {
  const pid = integerOf(request, "pid", 2, 2 ** 31);
  const workload = textOf(request, "workload");
  if (keeper.callers.get(workload) === undefined) {
    throw new AdminError("not_found", `there is no ${workload} on this node`);
  }
  const startTime = startTimeOf(pid);
  if (startTime === null) throw new AdminError("not_found", `there is no process ${pid}`);
  if (peer.uid !== 0 && !userIdsOf(pid).every((uid) => uid === peer.uid)) {
    throw new AdminError("forbidden", `process ${pid} is another user's`);
  }
  if (!keeper.runs.register({ pid, startTime, workload, registeredByUid: peer.uid })) {
    throw new AdminError("refused", "too many runs are registered");
  }
  return { outbound: keeper.addressOf("outbound"), isRoot: peer.uid === 0 };
}
