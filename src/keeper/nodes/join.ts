import { createPrivateKey, createPublicKey, type KeyObject, randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { keyHashOf } from "../../identity/certificate.ts";
import { CHALLENGE_BYTES, makeIssuerRequest } from "../../identity/issuer-request.ts";
import {
  type HardwareFacts,
  JOIN_STATUS,
  type JoinRefusal,
  joinRefusalOf,
  makeJoinRequest,
} from "../../identity/join-protocol.ts";
import { type JoinToken, parseJoinToken, tokenPrivateKey, tokenPublicKey } from "../../identity/join-token.ts";
import { BACKDATE_MS } from "../../identity/lifetimes.ts";
import { type IssueProgram, issue } from "../ca/issue-child.ts";
import { CLOCK_FILE } from "../identity/identity-files.ts";
import { IdentityStore, IdentityStoreError } from "../identity/identity-store.ts";
import { joinObstacle, joinSite } from "../identity/join-site.ts";
import { lockState } from "../lock-state.ts";
import { StartError } from "../start-error.ts";
import { writeDurable } from "../state/durable-file.ts";
import { writeSealed } from "../state/sealed-json.ts";
import { StateDirectory } from "../state/state-directory.ts";
import { callJoinDoor, JoinConnectionError, type JoinReplyBytes } from "./join-connection.ts";
import { type InviterProblem, joiningTimeMs, judgeInviter } from "./judge-inviter.ts";
import { type Joined, judgeJoinAnswer } from "./judge-join-answer.ts";
import { REFUSAL_TEXT } from "./refusal-text.ts";
import { ROOT_NODE_FILE } from "./root-node-file.ts";

/** Connections that are tried. Reason: an answer can be lost on the way; the same key gets it again. */
export const JOIN_CALLS_MAX = 4;

/** Between two of them. */
export const JOIN_RETRY_MS = 500;

/** What is written for trial before a join. Reason: bundle and bans at their longest, twice as JSON, and a folder of small files. */
export const JOIN_TRIAL_BYTES = 512 * 1024;

/** A machine could not join. Message and hint are for people. */
export class JoinError extends Error {
  override readonly name = "JoinError";
  readonly hint: string;

  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}

/** What a join acts through. */
export interface JoinOptions {
  readonly statePath: string;
  readonly issueProgram: IssueProgram;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hardware: () => HardwareFacts;
  readonly wallMs: () => number;
}

/** What came of it. */
export interface JoinReport {
  readonly trustDomain: string;
  readonly node: string;
  readonly rootNode: string;
  /** SHA-256 of the issuer's key, hex: by this the node is banned. */
  readonly key: string;
  readonly expiresAtMs: number;
  /** Where an identity that was here before lies now. */
  readonly aside: string | undefined;
}

/** Joins the site that a token is for; the identity is on disk when this resolves. Rejects with JoinError. */
export async function joinByToken(text: string, options: JoinOptions): Promise<JoinReport> {
  const token = parseJoinToken(text);
  if (typeof token === "string")
    throw new JoinError(TOKEN_TEXT[token], "copy the whole line that `node invite` printed");
  const { state, lock } = openState(options.statePath);
  const key: { pkcs8: Uint8Array } = { pkcs8: new Uint8Array() };
  try {
    const store = new IdentityStore(options.statePath, options.env);
    const obstacle = joinObstacle(store, token.trustDomain);
    if (obstacle !== undefined) throw new JoinError(obstacle, "join with another --state DIR");
    tryDisk(options.statePath);
    key.pkcs8 = await makeKey(token, options.issueProgram);
    const { joined, keyHash } = await call(token, key.pkcs8, options);
    const aside = keep(store, token, joined, key.pkcs8, options.wallMs());
    const { trustDomain, node, rootNode } = token;
    return { trustDomain, node, rootNode, key: keyHash, expiresAtMs: joined.notAfterMs, aside };
  } catch (error) {
    if (error instanceof IdentityStoreError) throw new JoinError(error.message);
    throw error;
  } finally {
    key.pkcs8.fill(0);
    token.secret.fill(0);
    state.close();
    lock?.release();
  }
}

function openState(path: string): { readonly state: StateDirectory; readonly lock: { release(): void } | undefined } {
  try {
    const state = new StateDirectory(path);
    return { state, lock: lockState(state) };
  } catch (error) {
    if (!(error instanceof StartError)) throw error;
    throw new JoinError(error.message, "a running node has to be stopped before it joins a site");
  }
}

/** Before the token is shown, since it is spent then: whether the disk takes what will be written. Throws JoinError. */
function tryDisk(statePath: string): void {
  const path = join(statePath, "join.trial");
  try {
    writeDurable(path, new Uint8Array(JOIN_TRIAL_BYTES));
    rmSync(path);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new JoinError(
      `nothing can be written to ${statePath}: ${reason}`,
      "the token was not shown, and is as good as before",
    );
  }
}

async function makeKey(token: JoinToken, program: IssueProgram): Promise<Uint8Array> {
  const { trustDomain, node } = token;
  // The challenge is that of a session, which does not stand yet: the request that comes along is not used.
  const challenge = new Uint8Array(randomBytes(CHALLENGE_BYTES));
  const outcome = await issue(program, { kind: "ask", trustDomain, node, challenge });
  if (outcome.kind === "asked") return Uint8Array.from(outcome.key);
  throw new JoinError(`no key could be made: ${outcome.kind === "failed" ? outcome.reason : outcome.kind}`);
}

/** Calls until there is an answer, good or bad. */
async function call(
  token: JoinToken,
  pkcs8: Uint8Array,
  options: JoinOptions,
): Promise<{ readonly joined: Joined; readonly keyHash: string }> {
  const key = createPrivateKey({ key: Buffer.from(pkcs8), format: "der", type: "pkcs8" });
  const keyHash = keyHashOf(new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" })));
  const hardware = options.hardware();
  for (let calls = 1; ; calls++) {
    try {
      const reply = await callOnce(token, key, hardware, options);
      const refusal = reply.status === JOIN_STATUS.DONE ? undefined : refusalOf(reply);
      if (refusal === "token_busy" && calls < JOIN_CALLS_MAX) throw new JoinConnectionError(REFUSAL_TEXT[refusal]);
      if (refusal !== undefined) throw new JoinError(`${token.rootNode} refused: ${REFUSAL_TEXT[refusal]}`);
      const joined = judgeJoinAnswer(reply.bytes, token, keyHash);
      if (typeof joined === "string") throw new JoinError(`${token.rootNode} answered, but ${joined}`);
      return { joined, keyHash };
    } catch (error) {
      if (!(error instanceof JoinConnectionError)) throw error;
      if (calls === JOIN_CALLS_MAX) throw new JoinError(error.message, UNREACHABLE_HINT);
      await Bun.sleep(JOIN_RETRY_MS * calls);
    }
  }
}

function refusalOf({ status, bytes }: JoinReplyBytes): JoinRefusal {
  // What is not the door's own word is the worker's: the keeper behind it does not answer, or has closed the door.
  return status === JOIN_STATUS.REFUSED ? joinRefusalOf(bytes) : "not_the_root";
}

function callOnce(
  token: JoinToken,
  key: KeyObject,
  hardware: HardwareFacts,
  options: JoinOptions,
): Promise<JoinReplyBytes> {
  const { trustDomain, node, rootNode, address, secret } = token;
  return callJoinDoor({
    address,
    trustDomain,
    rootNode,
    judge: (facts) => {
      const judged = judgeInviter(facts, token, joiningTimeMs(options.wallMs(), token, facts.chain[0]));
      if (typeof judged === "string") throw inviterError(judged, token);
    },
    request: (keyingMaterial) => {
      const binding = { trustDomain, node, keyingMaterial };
      const issuerRequest = makeIssuerRequest({ trustDomain, node, challenge: keyingMaterial }, key);
      const request = { tokenId: token.id, publicKey: tokenPublicKey(secret), issuerRequest, ...hardware };
      return makeJoinRequest(binding, request, tokenPrivateKey(secret));
    },
  });
}

function keep(
  store: IdentityStore,
  token: JoinToken,
  joined: Joined,
  pkcs8: Uint8Array,
  wallMs: number,
): string | undefined {
  // A box that wakes in 1970 knows from now on that it is at least when its issuer was made.
  const madeMs = joined.notBeforeMs + BACKDATE_MS;
  const nowMs = Math.max(wallMs, madeMs);
  const { trustDomain, node } = token;
  const { root, message: trustMessage, issuer: certificate } = joined;
  const issuer = { certificate, key: Uint8Array.from(pkcs8) };
  const aside = joinSite(store, { trustDomain, node, root, trustMessage, issuer, nowMs });
  try {
    writeSealed(join(store.statePath, ROOT_NODE_FILE), { name: token.rootNode, issuers: [] });
  } catch (error) {
    throw new IdentityStoreError(error instanceof Error ? error.message : String(error));
  }
  // The floor came through a worker and is signed by nobody; the issuer's date is, and the root's node knows no later floor.
  store.write(CLOCK_FILE, { floorMs: Math.max(Math.min(joined.floorMs, madeMs), wallMs < madeMs ? madeMs : 0) });
  return aside;
}

const UNREACHABLE_HINT =
  "is the node that invited running, its tunnel open to this machine, and the token neither spent nor expired?";

const TOKEN_TEXT = {
  token_form: "this is no token",
  token_version: "this token is of another version of Selvedge",
  token_checksum: "this token was not copied whole",
} as const;

function inviterError(problem: InviterProblem, token: JoinToken): JoinError {
  const who = `${token.address} is not ${token.rootNode} of ${token.trustDomain}`;
  switch (problem) {
    case "root_pin":
    case "root_missing":
    case "trust_domain_unknown":
    case "ca_trust_domain":
      return new JoinError(
        `${who}: it belongs to another site, or somebody stands in between`,
        "nothing was shown to it",
      );
    case "expired":
    case "not_yet_valid":
      return new JoinError(
        `${who} by this machine's clock: its certificate is ${problem.replaceAll("_", " ")}`,
        "set the clock",
      );
    default:
      return new JoinError(`${who}: ${problem}`, "nothing was shown to it");
  }
}
