import type { Issue } from "../../model/issue.ts";
import { askNode } from "../admin-client.ts";
import { EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import { issueText } from "../issue-text.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printLines } from "../output.ts";
import { printable, tableLines } from "../table.ts";
import { durationText } from "../units.ts";
import { type CertificateStatus, certificateLines } from "./status-identity.ts";
import { identityTrouble, nodeLines, nodeTrouble, type SiteStatus, stopLines } from "./status-nodes.ts";

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
  readonly identity: NonNullable<SiteStatus["identity"]> & CertificateStatus;
  readonly drained: readonly string[];
  readonly issues: readonly Issue[];
  readonly worstEdges: readonly WorstEdge[];
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
    ...section("IDENTITY", certificateLines(status.identity)),
    ...section("IF NOBODY IS MET FROM NOW ON, THIS STOPS", stopLines(status)),
    ...section("WORKERS", workerLines(status)),
    ...section("WORKLOADS", workloadLines(status)),
    ...section("CAN BE DIALLED AROUND THE MESH", doorLines(status)),
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
    ...nodeTrouble(status),
    ...(status.refusal === undefined ? [] : [`refused: ${status.refusal}`]),
    ...status.stateTrouble.map(({ what, reason }) => `state: ${what}: ${reason}`),
    ...status.failedListeners.map(({ listener, reason }) => `cannot listen on ${listener}: ${reason}`),
    ...status.endpointsDown.map(({ endpoint, state, reason }) => `endpoint ${endpoint} is ${state}: ${reason}`),
    ...status.drained.map((endpoint) => `endpoint ${endpoint} is drained by hand`),
    ...status.issues.map(issueText),
  ];
  return lines.map((line) => colour.yellow(`! ${printable(line)}`));
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
