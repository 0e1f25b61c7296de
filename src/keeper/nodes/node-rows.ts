import { type BanList, isKeyBanned } from "../../identity/bans.ts";
import type { NodeRecord } from "../../model/snapshot.ts";
import { LATE_RENEWAL_MS } from "../identity/issued-issuers.ts";
import type { Contact } from "./node-contacts.ts";

/**
 * What a node is to this one. this: itself. connected: this one's tunnel to it is up. reachable: it has a tunnel to this one.
 * joined: it has an issuer. invited: a token for it is open. banned: its keys are. unknown: the documents name it, and that is all.
 */
export type NodeState = "this" | "connected" | "reachable" | "joined" | "invited" | "banned" | "unknown";

/** A line of `node ls`. Times are ISO 8601, or `null`. */
export interface NodeRow {
  readonly name: string;
  /** Where the documents say its tunnel is, else where it was last seen. */
  readonly address: string;
  /** SHA-256 of its issuer's key, hex; `""` where it is not known. */
  readonly key: string;
  readonly expiry: string | null;
  readonly state: NodeState;
  readonly lastContact: string | null;
  /** Why it is not connected, where that is known. */
  readonly problem: string;
  readonly holdsRoot: boolean;
}

/** An issuer that is known of a node. */
export interface KnownIssuer {
  readonly node: string;
  readonly keyHash: string;
  readonly notAfterMs: number;
}

/** Everything that rows are made of. */
export interface RowFacts {
  readonly ownNode: string;
  readonly ownHoldsRoot: boolean;
  readonly records: readonly Pick<NodeRecord, "name" | "hostname" | "port">[];
  /** Newest last. */
  readonly issuers: readonly KnownIssuer[];
  readonly bans: BanList;
  readonly contacts: readonly Contact[];
  readonly invited: ReadonlySet<string>;
  /** ms since 1970, judged. */
  readonly nowMs: number;
}

/** A row for every node that the documents, the issuers or the bans name, by name. */
export function nodeRows(facts: RowFacts): readonly NodeRow[] {
  const names = new Set([
    facts.ownNode,
    ...facts.records.map(({ name }) => name),
    ...facts.issuers.map(({ node }) => node),
    ...[...facts.bans.values()].filter(({ state }) => state === "banned").map(({ node }) => node),
    ...facts.invited,
  ]);
  return [...names].sort().map((name) => nodeRow(name, facts));
}

function nodeRow(name: string, facts: RowFacts): NodeRow {
  const { records, issuers, bans, contacts } = facts;
  const contact = contacts.find((one) => one.node === name);
  const own = issuers.filter(({ node }) => node === name);
  const issuer = own.findLast(({ keyHash }) => !isKeyBanned(bans, keyHash)) ?? own.at(-1);
  const banned = [...bans.values()].find((ban) => ban.node === name && ban.state === "banned");
  const state = stateOf(name, facts, contact, issuer, banned !== undefined);
  return {
    name,
    address: addressText(records.find((record) => record.name === name)) || (contact?.address ?? ""),
    key: issuer?.keyHash ?? (state === "banned" ? (banned?.keyHash ?? "") : ""),
    expiry: issuer === undefined ? null : new Date(issuer.notAfterMs).toISOString(),
    state,
    lastContact: timeText(isThere(contact) ? facts.nowMs : (contact?.lastContactMs ?? 0)),
    problem:
      state === "banned" ? (banned?.reason ?? "") : (lateText(state, issuer, facts) ?? contact?.lastProblem ?? ""),
    holdsRoot: name === facts.ownNode ? facts.ownHoldsRoot : contact?.holdsRoot === true,
  };
}

/** On the root's node: what becomes of a node that was off for longer than its issuer lives. */
function lateText(
  state: NodeState,
  issuer: KnownIssuer | undefined,
  { ownHoldsRoot, nowMs }: RowFacts,
): string | undefined {
  if (state !== "joined" || issuer === undefined || !ownHoldsRoot || issuer.notAfterMs > nowMs) return undefined;
  const [ended, until] = [issuer.notAfterMs, issuer.notAfterMs + LATE_RENEWAL_MS].map((ms) => dayText(ms));
  return issuer.notAfterMs + LATE_RENEWAL_MS >= nowMs
    ? `issuer ended ${ended}; renews by itself when it is back, until ${until}`
    : undefined;
}

function dayText(ms: number): string {
  return new Date(ms).toISOString().slice(0, 10);
}

function stateOf(
  name: string,
  { ownNode, bans, invited }: RowFacts,
  contact: Contact | undefined,
  issuer: KnownIssuer | undefined,
  isNameBanned: boolean,
): NodeState {
  if (name === ownNode) return "this";
  // A name whose old box was banned may have a new one: what counts is the key that is used.
  const isBanned = issuer === undefined ? isNameBanned : isKeyBanned(bans, issuer.keyHash);
  if (isBanned) return invited.has(name) ? "invited" : "banned";
  if (contact !== undefined && contact.dialed.size > 0) return "connected";
  if (contact !== undefined && contact.accepted.size > 0) return "reachable";
  if (issuer !== undefined) return "joined";
  return invited.has(name) ? "invited" : "unknown";
}

function isThere(contact: Contact | undefined): boolean {
  return contact !== undefined && contact.dialed.size + contact.accepted.size > 0;
}

function addressText(record: RowFacts["records"][number] | undefined): string {
  if (record?.hostname === undefined || record.port === undefined) return "";
  return hostPort(record.hostname, record.port);
}

/** `host:port`, IPv6 in brackets. */
export function hostPort(hostname: string, port: number): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

function timeText(ms: number): string | null {
  return ms === 0 ? null : new Date(ms).toISOString();
}
