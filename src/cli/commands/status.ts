import type { CertificateRow } from "../../keeper/identity/describe-identity.ts";
import type { Issue } from "../../model/issue.ts";
import { askNode } from "../admin-client.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import { issueText } from "../issue-text.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printLines } from "../output.ts";
import { printable, tableLines } from "../table.ts";
import { durationText } from "../units.ts";

import { identityTrouble, nodeLines, type SiteStatus, stopLines } from "./status-nodes.ts";

/** What the node answers, as far as the text form uses it. */
interface Status extends SiteStatus {
  readonly site: string;
  readonly node: string;
  readonly generation: number;
  readonly uptimeMs: number;
  readonly degraded: readonly string[];
  readonly refusal?: string;
  readonly stateTrouble: readonly { readonly what: string; readonly reason: string }[];
  readonly outbound?: string;
  readonly metrics?: string;
  readonly defaultAction?: string;
  readonly failedListeners: readonly { readonly listener: string; readonly reason: string }[];
  readonly notices: readonly string[];
  readonly restarts: number;
  readonly workers: readonly {
    readonly pid: number;
    readonly uptimeMs: number;
    readonly generation: number;
    readonly sandbox: Sandbox | null;
  }[];
  readonly workloads: readonly {
    readonly namespace: string;
    readonly name: string;
    readonly serviceAccount: string;
    readonly strength: string;
    readonly isolation: string;
  }[];
  readonly openDoors: readonly { readonly workload: string; readonly address: string; readonly reach: string }[];
  readonly endpointsDown: readonly { readonly endpoint: string; readonly state: string; readonly reason: string }[];
  readonly identity: IdentityStatus;
  readonly drained: readonly string[];
  readonly issues: readonly Issue[];
  readonly worstEdges: readonly WorstEdge[];
}

/** `state` unused: this node reaches no other, and the rest is absent. */
interface IdentityStatus {
  readonly state: "unused" | "starting" | "ready" | "failed";
  readonly trouble?: string;
  readonly trustDomain?: string;
  readonly holdsRoot?: boolean;
  readonly clock?: string | null;
  readonly rootChange?: string;
  readonly certificates?: readonly CertificateRow[];
  readonly svids?: { readonly count: number; readonly valid: number; readonly firstEnd: string | null };
  readonly stops?: readonly { readonly what: string; readonly at: string }[];
  readonly troubles?: readonly { readonly what: string; readonly reason: string }[];
}

interface Sandbox {
  readonly uid: number;
  readonly noNewPrivileges: boolean;
  readonly seccompFilters: number;
  readonly capabilities: string;
}

interface WorstEdge {
  readonly source: { readonly namespace: string; readonly name: string };
  readonly destination: { readonly namespace: string; readonly name: string };
  readonly failed: number;
  readonly denied: number;
  readonly requests: number;
}

/** `selvedge status`. Exit 0 also where something is wrong: the node answered. */
export async function status(options: NodeOptions): Promise<ExitCode> {
  const answer = (await askNode(findAdminPath(options, process.env), { op: "status" })) as Status;
  if (options.output === "json") printJson(answer);
  else printLines(statusLines(answer));
  return EXIT.OK;
}

/** What a person needs to see, the worst first. */
export function statusLines(status: Status): string[] {
  const { site, node, generation, uptimeMs, restarts } = status;
  const health =
    status.degraded.length === 0 ? colour.green("healthy") : colour.red(`degraded: ${status.degraded.join(", ")}`);
  return [
    `${site || "(no site)"} / ${node}   generation ${generation}   up ${durationText(uptimeMs)}   ${health}`,
    `outbound ${status.outbound ?? "closed"}   metrics ${status.metrics ?? "closed"}   default ${status.defaultAction ?? "-"}   worker restarts ${restarts}`,
    ...troubleLines(status),
    ...section("NODES", nodeLines(status)),
    ...section("IF NOBODY IS MET FROM NOW ON, THIS STOPS", stopLines(status)),
    ...section("WORKERS", workerLines(status)),
    ...section("WORKLOADS", workloadLines(status)),
    ...section("CAN BE DIALLED AROUND THE MESH", doorLines(status)),
    ...section("IDENTITY", identityLines(status.identity)),
    ...section("WORST EDGES, LAST MINUTE", worstLines(status)),
  ];
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", colour.bold(title), ...lines];
}

function troubleLines(status: Status): string[] {
  const lines = [
    ...status.notices,
    ...identityTrouble(status),
    ...(status.refusal === undefined ? [] : [`refused: ${status.refusal}`]),
    ...status.stateTrouble.map(({ what, reason }) => `state: ${what}: ${reason}`),
    ...identityTroubles(status.identity),
    ...status.failedListeners.map(({ listener, reason }) => `cannot listen on ${listener}: ${reason}`),
    ...status.endpointsDown.map(({ endpoint, state, reason }) => `endpoint ${endpoint} is ${state}: ${reason}`),
    ...status.drained.map((endpoint) => `endpoint ${endpoint} is drained by hand`),
    ...status.issues.map(issueText),
  ];
  return lines.map((line) => colour.yellow(`! ${printable(line)}`));
}

function identityTroubles({ trouble, troubles = [], clock = null }: IdentityStatus): string[] {
  return [
    ...(trouble === undefined ? [] : [`no calls between nodes: ${trouble}`]),
    ...troubles.map(({ what, reason }) => `identity: ${what}: ${reason}`),
    ...(clock === null ? [] : [`the wall clock is not followed for certificates: ${clock}`]),
  ];
}

/** What ends when, and what stops then if nobody is met. */
function identityLines(identity: IdentityStatus): string[] {
  const { state, certificates = [], svids, stops = [] } = identity;
  if (state === "unused") return [];
  const columns = ["CERTIFICATE", "STATE", "UNTIL", "RENEWED AT"].map((title) => ({ title }));
  const rows = certificates.map(({ name, state: condition, notAfter, renewAt = "-" }) => [
    name,
    condition,
    notAfter,
    renewAt,
  ]);
  if (svids !== undefined) {
    rows.push([`${svids.count} SVIDs`, `${svids.valid} valid`, svids.firstEnd ?? "-", "at half their lives"]);
  }
  const alone = stops.filter(({ at }) => at !== "never").map(({ what, at }) => `${what} stop ${at}`);
  return [
    `${identity.trustDomain ?? ""}  ${state}  ${identity.holdsRoot === true ? "holds the site's root" : ""}`.trimEnd(),
    ...(rows.length === 0 ? [] : tableLines(columns, rows)),
    ...(alone.length === 0 ? [] : [`if nobody is met from now on: ${alone.join("; ")}`]),
  ];
}

function workerLines({ workers }: Status): string[] {
  const columns = [{ title: "PID" }, { title: "UP" }, { title: "GENERATION" }, { title: "CONFINED BY" }];
  const rows = workers.map((worker) => [
    String(worker.pid),
    durationText(worker.uptimeMs),
    String(worker.generation),
    sandboxText(worker.sandbox),
  ]);
  return tableLines(columns, rows);
}

function sandboxText(sandbox: Sandbox | null): string {
  if (sandbox === null) return "unknown";
  const words = [`uid ${sandbox.uid}`];
  if (sandbox.noNewPrivileges) words.push("no new privileges");
  if (sandbox.seccompFilters > 0) words.push(`seccomp (${sandbox.seccompFilters})`);
  if (sandbox.capabilities === "0") words.push("no capabilities");
  return words.join(", ");
}

function workloadLines({ workloads }: Status): string[] {
  if (workloads.length === 0) return [];
  const columns = [
    { title: "WORKLOAD" },
    { title: "SERVICE ACCOUNT" },
    { title: "RECOGNISED BY" },
    { title: "ISOLATION" },
  ];
  const rows = workloads.map((one) => [
    `${one.namespace}/${one.name}`,
    one.serviceAccount,
    one.strength,
    one.isolation,
  ]);
  return tableLines(columns, rows, (cell, _row, column) =>
    column === 3 && cell === "none" ? colour.yellow(cell) : cell,
  );
}

function doorLines({ openDoors }: Status): string[] {
  if (openDoors.length === 0) return [];
  const columns = [{ title: "WORKLOAD" }, { title: "ADDRESS" }, { title: "BY" }];
  const reach = (from: string): string => (from === "network" ? "other machines" : "every program on this machine");
  const rows = openDoors.map((door) => [door.workload.replace(/^workload\//, ""), door.address, reach(door.reach)]);
  return tableLines(columns, rows, (cell, _row, column) => (column === 2 ? colour.yellow(cell) : cell));
}

function worstLines({ worstEdges }: Status): string[] {
  if (worstEdges.length === 0) return [];
  const columns = [
    { title: "FROM" },
    { title: "TO" },
    ...["FAILED", "DENIED", "OF"].map((title) => ({ title, align: "right" as const })),
  ];
  const name = (peer: { readonly namespace: string; readonly name: string }): string =>
    peer.name === "" ? "(no identity)" : `${peer.namespace}/${peer.name}`;
  const rows = worstEdges.map((edge) => [
    name(edge.source),
    name(edge.destination),
    String(edge.failed),
    String(edge.denied),
    String(edge.requests),
  ]);
  return tableLines(columns, rows);
}
