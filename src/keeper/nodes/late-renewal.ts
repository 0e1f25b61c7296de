import { createPrivateKey, randomBytes } from "node:crypto";
import { CHALLENGE_BYTES, makeIssuerRequest } from "../../identity/issuer-request.ts";
import { decodeJoinAnswer, JOIN_STATUS, joinRefusalOf } from "../../identity/join-protocol.ts";
import { makeLateRequest } from "../../identity/late-protocol.ts";
import type { NodeRecord } from "../../model/snapshot.ts";
import type { IssueProgram } from "../ca/issue-child.ts";
import { IdentityStoreError } from "../identity/identity-store.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import { JoinConnectionError } from "./join-connection.ts";
import { lateDoorProblem } from "./judge-late-door.ts";
import { callLate } from "./late-call.ts";
import type { LateSession } from "./late-call-frames.ts";
import { hostPort } from "./node-rows.ts";
import { REFUSAL_TEXT } from "./refusal-text.ts";

/** Nodes that are called in one try. Reason: the root's node is the first; the others only where it has changed since. */
export const LATE_CALLS_MAX = 8;

/** Whom a node that was off for long knows. */
export interface LateSite {
  readonly program: IssueProgram;
  readonly site: SiteIdentity;
  readonly nodes: readonly Pick<NodeRecord, "name" | "hostname" | "port">[];
  /** The node that held the root when it was heard of last; `""` where none was. */
  readonly rootNode: string;
  /** Ends a call that is under way, and calls nobody else. */
  readonly stopping: AbortSignal;
}

/** Why one node did not renew the issuer. */
class LateProblem extends Error {
  override readonly name = "LateProblem";
}

/**
 * Gets a new issuer for one that has ended while this node was off, from whichever node holds the root now. Answers the name of
 * that node, or `problem`: why none did, for people. Rejects with IdentityStoreError.
 */
export async function renewLate(late: LateSite): Promise<{ readonly by: string } | { readonly problem: string }> {
  const { site, rootNode } = late;
  const others = late.nodes.filter(({ name }) => name !== site.node);
  const called = others
    .flatMap(({ name, hostname, port }) =>
      hostname === undefined || port === undefined ? [] : [{ name, address: hostPort(hostname, port) }],
    )
    .sort((a, b) => Number(b.name === rootNode) - Number(a.name === rootNode))
    .slice(0, LATE_CALLS_MAX);
  if (called.length === 0) return { problem: "the documents give no other node an address" };
  const key = await openNewKey(site);
  let answered: string | undefined;
  let unreached: string | undefined;
  try {
    for (const { name, address } of called) {
      if (late.stopping.aborted) break;
      try {
        await renewAt(late, { name, address }, key);
        return { by: name };
      } catch (error) {
        if (error instanceof LateProblem) answered ??= `${name} refused: ${error.message}`;
        else if (error instanceof JoinConnectionError)
          unreached ??= `${name} was not reached, or lets nobody ask: ${error.message}`;
        else throw error;
      }
    }
  } finally {
    key.fill(0);
  }
  return { problem: answered ?? unreached ?? "nobody was called" };
}

/** The key for the new issuer, the same until there is one: so that an answer that was lost can be given again. */
async function openNewKey(site: SiteIdentity): Promise<Uint8Array> {
  const waiting = site.issuer.openPending();
  if (waiting !== undefined) return waiting;
  // The challenge is that of a session, which does not stand yet: the request that comes along is not used.
  const asked = await site.askIssuer(new Uint8Array(randomBytes(CHALLENGE_BYTES)));
  const made = "refused" in asked ? undefined : site.issuer.openPending();
  if (made === undefined) throw new IdentityStoreError("no key could be made for a new issuer");
  return made;
}

async function renewAt(
  { program, site, stopping }: LateSite,
  { name, address }: { readonly name: string; readonly address: string },
  key: Uint8Array,
): Promise<void> {
  const { trustDomain } = site;
  const callee = { address, trustDomain, node: name };
  const reply = await callLate(program, callee, stopping, (session) => request(site, name, session, key));
  if (reply.status !== JOIN_STATUS.DONE) {
    // What is not the door's own word is the worker's: no keeper answers behind it.
    const refusal = reply.status === JOIN_STATUS.REFUSED ? joinRefusalOf(reply.bytes) : "not_the_root";
    throw new LateProblem(REFUSAL_TEXT[refusal]);
  }
  const answer = decodeJoinAnswer(reply.bytes);
  if (answer === undefined) throw new LateProblem("its answer cannot be read");
  // The root's own word first: it may name the root that has signed the issuer.
  const adopted = site.adoptTrust(answer.trust);
  if (adopted !== "adopted" && adopted !== "same" && adopted !== "older")
    throw new LateProblem(`the root's word that it gave is not believed: ${adopted}`);
  const problem = site.installIssuer(answer.issuer, true);
  if (problem !== undefined) throw new LateProblem(`the issuer that it gave is not taken: ${problem}`);
  site.changed("clock");
}

async function request(
  site: SiteIdentity,
  name: string,
  { facts, keyingMaterial }: LateSession,
  key: Uint8Array,
): Promise<Uint8Array> {
  const { trustDomain, node } = site;
  const problem = lateDoorProblem(facts, { ...site.trust(), node: name });
  if (problem !== undefined) throw new LateProblem(`who answers there is not believed: ${problem}`);
  const privateKey = (pkcs8: Uint8Array) => createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  const issuerRequest = makeIssuerRequest({ trustDomain, node, challenge: keyingMaterial }, privateKey(key));
  return site.issuer.sign(async (signer) =>
    makeLateRequest({ trustDomain, keyingMaterial }, { node, issuerRequest }, privateKey(signer.key)),
  );
}
