import type { KeeperEvent } from "../keeper/keeper-event.ts";
import { issueText } from "./issue-text.ts";
import { problemText } from "./problem-text.ts";
import { printable } from "./table.ts";

/** Lines that may wait for whoever reads them. Reason: a stalled reader must never stall the mesh. */
export const LINES_WAITING_MAX = 1000;

const BACKUP_OFFER =
  "this site has a root of its own now; back it up: selvedge identity backup FILE (docs/runbooks.md says why)";

/**
 * Prints what a keeper tells: JSON lines on stdout, of which the first is `ready`, or lines for people. Problems of the
 * configuration always go to stderr too.
 */
export class EventPrinter {
  readonly #isJson: boolean;
  readonly #out = Bun.stdout.writer();
  readonly #early: KeeperEvent[] = [];
  #isReady = false;
  #waiting = 0;

  constructor(isJson: boolean) {
    this.#isJson = isJson;
  }

  print(event: KeeperEvent): void {
    if (event.event === "config_rejected") this.complain(event.issues.map(issueText), event.reason);
    if (event.event !== "ready" && !this.#isReady) {
      if (this.#early.length < LINES_WAITING_MAX) this.#early.push(event);
      return;
    }
    this.#line(event);
    if (event.event === "identity" && event.what === "founded") this.complain([], BACKUP_OFFER);
    if (event.event !== "ready" || this.#isReady) return;
    this.#isReady = true;
    for (const earlier of this.#early.splice(0)) this.#line(earlier);
  }

  /** Problems on stderr; `otherwise` where there is none to list. */
  complain(lines: readonly string[], otherwise: string): void {
    process.stderr.write(`${lines.length > 0 ? lines.join("\n") : `selvedge: ${printable(otherwise)}`}\n`);
  }

  #line(event: KeeperEvent): void {
    const text = this.#isJson ? JSON.stringify(event) : eventText(event);
    if (text === "" || this.#waiting >= LINES_WAITING_MAX) return;
    this.#waiting++;
    const done = () => {
      this.#waiting--;
    };
    try {
      this.#out.write(`${text}\n`);
      void Promise.resolve(this.#out.flush()).then(done, done);
    } catch {
      // Nobody reads any more; the mesh serves on.
      done();
    }
  }
}

/**
 * One line for a person, or nothing for what only machines want. Names and reasons come from documents and from workers, one
 * of which may be somebody else's by now: they must not reach the terminal as anything but text.
 */
export function eventText(told: KeeperEvent): string {
  const event = withPrintable(told);
  switch (event.event) {
    case "ready":
      return readyText(event);
    case "config_applied":
      return `configuration: generation ${event.generation} serves (${event.mode}, ${Math.round(event.tookMs)} ms)`;
    case "config_unchanged":
      return `configuration: nothing changed, generation ${event.generation} serves on`;
    case "config_rejected":
      return `configuration: refused, generation ${event.generation} serves on: ${event.reason}`;
    case "crash_loop":
      return `generation ${event.bad} kills workers: back to the one before, as generation ${event.generation}`;
    case "worker_died":
      return `worker ${event.pid} died (${event.signal ?? `exit ${event.code}`}), another one starts`;
    case "worker_broken":
      return `worker ${event.pid} was killed: ${event.reason}`;
    case "worker_launch_failed":
      return `a worker could not be started: ${event.reason}`;
    case "listener_failed":
      return `cannot listen on ${event.listener}: ${event.reason}`;
    case "endpoint":
      return event.state === "up"
        ? `endpoint ${event.endpoint} is up`
        : `endpoint ${event.endpoint} is ${event.state}: ${event.reason}`;
    case "state_trouble":
      return `state: ${event.what}: ${event.reason}`;
    case "watch_trouble":
      return `changes may not be seen (send SIGHUP): ${event.reason}`;
    case "orphan_gone":
      return `worker ${event.pid} of the keeper before has drained`;
    case "draining":
      return `draining, ${Math.round(event.graceMs / 1000)} s at most`;
    case "stopped":
      return event.streamsCut === 0 ? "stopped" : `stopped; ${event.streamsCut} streams were cut`;
    case "identity":
      return identityText(event);
    case "node":
      return nodeText(event);
    case "worker_started":
      return "";
  }
}

function nodeText({ what, node, address, detail }: Extract<KeeperEvent, { event: "node" }>): string {
  const who = `${node === "" ? "somebody" : `node ${node}`}${address === "" ? "" : ` at ${address}`}`;
  return `${who}: ${what.replaceAll("_", " ")}${detail === "" || detail === what ? "" : `: ${nodeDetail(what, detail)}`}`;
}

/** Tunnels are told with who dialed and why they ended, refusals with the reason and what was claimed. */
function nodeDetail(what: string, detail: string): string {
  const [first = "", ...rest] = detail.split(": ");
  const isTunnel = what === "connected" || what === "disconnected";
  if (isTunnel) return [first === "dialer" ? "this node dialed" : "it dialed", ...rest.map(problemText)].join("; ");
  return what === "refused" ? [problemText(first), ...rest].join(": ") : detail;
}

function withPrintable<T extends KeeperEvent>(event: T): T {
  const fields = Object.entries(event).map(([name, value]) => [
    name,
    typeof value === "string" ? printable(value) : value,
  ]);
  return Object.fromEntries(fields) as T;
}

function readyText(event: Extract<KeeperEvent, { event: "ready" }>): string {
  const lines = [
    `selvedge serves ${event.site || "this node"} as ${event.node} (generation ${event.generation}, ${event.tookMs} ms)`,
    `  outbound ${event.outbound ?? "closed"}   metrics ${event.metrics ?? "closed"}   admin ${event.admin}`,
  ];
  if (event.degraded !== undefined) lines.push(`  degraded: ${event.degraded}`);
  if (event.isolation === "none") {
    lines.push("  isolation: none; some workloads run under the mesh's own user, which is no boundary between them");
  }
  if (event.takenOver !== undefined) lines.push(`  took over ${event.takenOver} worker(s) of a keeper that was killed`);
  return lines.join("\n");
}

function identityText({ what, detail }: Extract<KeeperEvent, { event: "identity" }>): string {
  switch (what) {
    case "founded":
      return `identity: a root for ${detail} was made`;
    case "put_aside":
      return `identity: the old one was put aside: ${detail}`;
    case "failed":
      return `identity: ${detail}`;
    case "root_rotation":
      return `identity: the root changes: ${detail}`;
    case "clock_followed":
      return `identity: certificates are judged by a new time: ${detail}`;
    case "issuer_renewed":
    case "svids_renewed":
    case "trust_changed":
      return "";
  }
}
