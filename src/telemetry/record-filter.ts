/** Which records `tap` and `logs` show. */
import { type RecordPeer, type RequestRecord, VERDICTS, type Verdict } from "./access-record.ts";

/** As given on a command line; every part that is given must hold. */
export interface RecordFilterInput {
  /** Who called: `name`, `namespace/name` or `namespace/*`; workload, app or service account. */
  readonly from?: string;
  /** Who was called: the same, and services. */
  readonly to?: string;
  /** `503`, `5xx`, `400-499`, several separated by commas. */
  readonly status?: string;
  /** `allowed`, `denied`, `audit`, `undecided`. */
  readonly verdict?: string;
  /** A path prefix; `*` stands for anything, and then the whole path must fit. */
  readonly path?: string;
  /** Exact, as sent. */
  readonly method?: string;
  /** The `x-selvedge-id` or the trace id. */
  readonly id?: string;
}

export type RecordPredicate = (record: RequestRecord) => boolean;

/** Longest pattern that is looked at. Reason: paths are kept to 200 bytes. */
export const PATTERN_CHARS_MAX = 512;

/** The predicate for a filter, or one sentence on what is wrong with it. */
export function recordFilter(input: RecordFilterInput): RecordPredicate | string {
  for (const [name, pattern] of Object.entries(input)) {
    if (typeof pattern === "string" && pattern.length > PATTERN_CHARS_MAX)
      return `--${name} is longer than ${PATTERN_CHARS_MAX} characters`;
  }
  const parts: RecordPredicate[] = [];
  const { from, to, path, method, id } = input;
  if (from !== undefined) parts.push((record) => isPeer(from, record.source));
  if (to !== undefined) parts.push((record) => isPeer(to, record.destination) || isService(to, record.service));
  if (path !== undefined) parts.push((record) => isPath(path, record.path));
  if (method !== undefined) parts.push((record) => record.method === method);
  if (id !== undefined) parts.push((record) => record.id === id || record.traceId === id);
  if (input.verdict !== undefined) {
    const verdict = VERDICTS.find((known): known is Verdict => known === input.verdict);
    if (verdict === undefined) return `--verdict is one of ${VERDICTS.join(", ")}, not '${input.verdict}'`;
    parts.push((record) => record.verdict === verdict);
  }
  if (input.status !== undefined) {
    const ranges = input.status.split(",").map(statusRange);
    if (ranges.includes(undefined)) return `--status is like 503, 5xx or 400-499, not '${input.status}'`;
    parts.push(({ status }) => ranges.some((range) => range !== undefined && status >= range[0] && status <= range[1]));
  }
  return (record) => parts.every((part) => part(record));
}

function statusRange(text: string): readonly [number, number] | undefined {
  const found = /^(?:(?<exact>\d{3})|(?<hundred>[1-9])xx|(?<low>\d{3})-(?<high>\d{3}))$/i.exec(text.trim())?.groups;
  if (found === undefined) return undefined;
  const { exact, hundred, low, high } = found;
  if (exact !== undefined) return [Number(exact), Number(exact)];
  return hundred === undefined ? [Number(low), Number(high)] : [Number(hundred) * 100, Number(hundred) * 100 + 99];
}

function isPeer(pattern: string, peer: RecordPeer): boolean {
  const slash = pattern.indexOf("/");
  const name = pattern.slice(slash + 1);
  if (slash >= 0 && pattern.slice(0, slash) !== "*" && pattern.slice(0, slash) !== peer.namespace) return false;
  if (name === "*") return true;
  const account = peer.principal.slice(peer.principal.lastIndexOf("/") + 1);
  return name !== "" && (name === peer.workload || name === peer.app || name === account);
}

/** `orders`, `prod/orders`, `orders.prod` and longer forms of a service's host name. */
function isService(pattern: string, service: string): boolean {
  if (service === "" || pattern === "") return false;
  const slash = pattern.indexOf("/");
  const host = slash < 0 ? pattern : `${pattern.slice(slash + 1)}.${pattern.slice(0, slash)}`;
  return service === host || service.startsWith(`${host}.`);
}

function isPath(pattern: string, path: string): boolean {
  const [first, ...rest] = pattern.split("*");
  if (!path.startsWith(first!)) return false;
  const last = rest.pop();
  if (last === undefined) return true;
  // Taking the earliest place for each piece never spoils a later one, so one pass decides.
  let at = first!.length;
  for (const piece of rest) {
    const found = path.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return path.length - at >= last.length && path.endsWith(last);
}
