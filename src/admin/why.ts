/** `selvedge why ID`: what happened to one request that was recorded, judged again by the documents it was judged by. */
import { type AccessTrace, accessTrace } from "../model/access/access-trace.ts";
import { type JudgedLeg, type JudgedRequest, judgeRequest } from "../model/access/judge-request.ts";
import { SnapshotIndex } from "../model/access/snapshot-index.ts";
import type { Change } from "../model/authz/change.ts";
import type { Trace } from "../model/authz/explain.ts";
import { callerOf, PlainRequest, strangerAt } from "../model/authz/plain-facts.ts";
import { FLAG_CAUSES } from "../model/flag-causes.ts";
import { serviceKey, serviceNamed } from "../model/names.ts";
import type { ServiceRecord, SnapshotRecord } from "../model/snapshot.ts";
import type { RequestRecord } from "../telemetry/access-record.ts";
import { judgedLines, servicePort } from "./authz-check.ts";
import { printable } from "./trace-lines.ts";
import { unplacedNote } from "./unplaced-note.ts";

/** What of a record is needed. */
export type WhyRecord = Pick<
  RequestRecord,
  | "id"
  | "generation"
  | "status"
  | "flag"
  | "protocol"
  | "verdict"
  | "strength"
  | "policy"
  | "rule"
  | "method"
  | "path"
  | "host"
  | "ip"
  | "source"
  | "destination"
  | "service"
  | "route"
  | "upstream"
>;

export interface WhyAnswer {
  readonly id: string;
  readonly generation: number;
  readonly flag: string;
  /** What the flag says happened. */
  readonly cause: string;
  /** What decided, as the worker recorded it; `policy` is `namespace/name`, or "" where none did. */
  readonly decidedBy: { readonly policy: string; readonly rule: number };
  /** Judged again, as far as the record tells; `undefined` where the generation or the service is gone. */
  readonly judged: AccessTrace | undefined;
  /** The trace of the side that refused, or of the workload that was reached. */
  readonly trace: Trace | undefined;
  readonly change: Change | undefined;
  /** Why the judgement now may differ from the one then. */
  readonly notes: readonly string[];
  /** For a terminal, without colour. */
  readonly lines: readonly string[];
}

/** `records` are those of the record's generation; `undefined` where they are no longer kept. */
export function why(record: WhyRecord, records: readonly SnapshotRecord[] | undefined): WhyAnswer {
  const index = records === undefined ? undefined : new SnapshotIndex(records);
  const notes: string[] = [];
  if (index === undefined)
    notes.push(`generation ${record.generation} is no longer kept, so it cannot be judged again`);
  const isAtGateway = isOfGateway(records ?? [], record);
  const again = index === undefined ? undefined : judgedAgain(index, record, isAtGateway);
  if (index !== undefined && again === undefined) notes.push(unplacedNote(record, index));
  const judged = again?.judged;
  const trace = judged === undefined ? undefined : decidingTrace(judged, record);
  if (record.verdict === "elsewhere") {
    const node = record.destination.node || "the endpoint's node";
    notes.push(`this node let the request through; ${node} decides for itself: ask there with the same id`);
    if (record.flag === "UH") notes.push(`it is down there, or the documents of ${node} are not the same as here`);
  } else {
    const far = farNotes(record, isAtGateway);
    if (judged !== undefined && far.length === 0) notes.push(...differences(judged, record));
    notes.push(...far);
  }
  const cause = FLAG_CAUSES[record.flag];
  const base = { id: record.id, generation: record.generation, flag: record.flag, cause, trace, notes };
  const details = index === undefined || again === undefined ? [] : judgedLines(index, again.judged, again.request);
  return {
    ...base,
    judged: judged && accessTrace(judged),
    decidedBy: { policy: record.policy, rule: record.rule },
    change: trace?.change,
    lines: [...headLines(record, cause), ...details, ...notes.map((note) => `  note: ${printable(note)}`)],
  };
}

function headLines(record: WhyRecord, cause: string): string[] {
  const { source } = record;
  const who =
    source.principal === "" ? `no identity, from ${record.ip || "a unix socket"}` : `spiffe://${source.principal}`;
  const head = `${record.id}  ${record.status || record.protocol} ${record.flag}  ${cause}`;
  const caller = `  caller      ${who} (recognised by ${record.strength})`;
  const request = `  request     ${record.method} ${record.host}${record.path}`;
  const lines = [head, caller, request, `  generation  ${record.generation}`];
  if (record.policy !== "")
    lines.push(`  decided by  policy ${record.policy}${record.rule >= 0 ? `, rule ${record.rule}` : ""}`);
  if (record.route !== "") lines.push(`  route       ${record.route}`);
  if (record.upstream !== "") lines.push(`  endpoint    ${record.upstream}`);
  if (record.verdict === "elsewhere")
    lines.push(`  answered by node ${record.destination.node || "unknown"}, not by this one`);
  return lines.map(printable);
}

/** The route that took it hangs at a Gateway: its caller is known by its address, and may be let in by it. */
function isOfGateway(records: readonly SnapshotRecord[], { route, source }: WhyRecord): boolean {
  if (source.principal !== "" || route === "") return false;
  return records.some(
    (one) =>
      one.kind === "listener" &&
      one.gateway?.hosts.some(({ routes }) => routes.producer.some(({ id }) => id === route)) === true,
  );
}

function judgedAgain(index: SnapshotIndex, record: WhyRecord, isAtGateway: boolean) {
  const service = serviceOf(index, record);
  const port = service && (servicePort(service, portOf(record.host)) ?? service.ports[0]);
  if (service === undefined || port === undefined) return undefined;
  const request = new PlainRequest({
    caller: callerOfRecord(record),
    method: record.method,
    path: record.path.startsWith("/") ? record.path : "/",
    host: record.host.replace(/:[0-9]+$/, ""),
    destinationPort: port.port,
  });
  const place = { isFromNode: (record.source.node ?? "") !== "", isAtGateway };
  return { judged: judgeRequest(index, service, port, request, place), request };
}

/**
 * The Service that was asked for. The record names the one whose workload was reached, behind a split another one, and it is the
 * former that routes, `calls` and policies on Services look at.
 */
function serviceOf(index: SnapshotIndex, record: WhyRecord): ServiceRecord | undefined {
  const named = serviceNamed(record.host.replace(/:[0-9]+$/, "").replace(/\.$/, ""), record.source.namespace);
  const asked = named && index.services.get(serviceKey(named.namespace, named.name));
  if (asked !== undefined && leadsTo(index, asked, record.service)) return asked;
  for (const service of index.services.values()) if (service.host === record.service) return service;
  return undefined;
}

/** A name in a request may be anything where the destination is known without it, so it counts only where it fits the record. */
function leadsTo(index: SnapshotIndex, asked: ServiceRecord, host: string): boolean {
  const rules = asked.ports.flatMap(({ routes }) => [
    ...(routes?.producer ?? []),
    ...Object.values(routes?.consumers ?? {}).flat(),
  ]);
  const isBackend = rules.some(({ backends }) =>
    backends.some(({ service }) => service !== null && index.services.get(service)?.host === host),
  );
  return asked.host === host || isBackend;
}

function portOf(host: string): number | undefined {
  const port = /:([0-9]+)$/.exec(host)?.[1];
  return port === undefined ? undefined : Number(port);
}

function callerOfRecord({ source, ip }: WhyRecord) {
  const parts = /^([^/]+)\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(source.principal);
  if (parts === null) return strangerAt(ip);
  const [, domain = "", namespace = "", account = ""] = parts;
  return callerOf(domain, namespace, account, ip);
}

function decidingTrace(judged: JudgedRequest, record: WhyRecord): Trace | undefined {
  if (judged.serviceTrace !== undefined && !judged.serviceTrace.decision.allowed) return judged.serviceTrace;
  const { workload, namespace, node = "" } = record.destination;
  const isThere = ({ leg }: JudgedLeg): boolean =>
    leg.workload.name === workload && leg.workload.namespace === namespace;
  const isOnNode = (one: JudgedLeg): boolean => isThere(one) && (one.leg.endpoint.node ?? "") === node;
  const refused = ({ trace }: JudgedLeg): boolean => !trace.decision.allowed;
  const leg = judged.legs.find(isOnNode) ?? judged.legs.find(isThere) ?? judged.legs.find(refused) ?? judged.legs[0];
  return leg?.trace;
}

/** What no policy of this node tells of a call that was meant for another one. */
function farNotes({ destination, upstream, flag, source }: WhyRecord, isAtGateway: boolean): string[] {
  const node = destination.node ?? "";
  if (node === "" || !upstream.startsWith(`${node}/`)) return [];
  if (flag === "UF" || flag === "UH" || flag === "UC") return [`how this node stands with ${node}: selvedge node ls`];
  const isStranger = flag === "RBAC" && source.principal === "" && !isAtGateway;
  return isStranger
    ? ["whoever has no identity calls other nodes through a Gateway only, whatever policies allow"]
    : [];
}

function differences(judged: JudgedRequest, record: WhyRecord): string[] {
  const notes: string[] = [];
  if (record.path.endsWith("…")) notes.push("the recorded path was cut, so rules on its end are judged wrongly here");
  const wasRefused = record.flag === "RBAC" || record.flag === "CALLS";
  const isRefused = !judged.allowed;
  if (wasRefused !== isRefused && (wasRefused || record.verdict === "allowed")) {
    notes.push("judged again it comes out differently: headers are not recorded, and rules may ask for them");
  }
  return notes;
}
