import { beforeAll, describe, expect, test } from "bun:test";
import { generateKeyPairSync, type KeyObject } from "node:crypto";
import { keyHashOf, readCertificate } from "../../identity/certificate.ts";
import { performIssue } from "../../identity/issue.ts";
import type { IssuedCertificate } from "../../identity/issue-protocol.ts";
import { makeIssuerRequest } from "../../identity/issuer-request.ts";
import { decodeJoinAnswer, JOIN_STATUS, makeJoinRequest } from "../../identity/join-protocol.ts";
import { tokenKeyHash, tokenPrivateKey, tokenPublicKey } from "../../identity/join-token.ts";
import { type Invite, JOIN_REPEAT_MS, TOKEN_TRIES_MAX } from "./invite.ts";
import { Invites } from "./invites.ts";
import { JoinDoor, type JoinHost, type JoinReply } from "./join-door.ts";
import { TRIES_PER_ADDRESS_MAX, TryLimit } from "./try-limit.ts";

const TD = "store-042.fleet.example";
const START_MS = Date.UTC(2026, 10, 22);
const ADDRESS = "10.0.0.12";

let root: IssuedCertificate;
beforeAll(async () => {
  const reply = await performIssue({ kind: "root", trustDomain: TD, nowMs: START_MS });
  if (reply.kind !== "issued") throw new Error(reply.kind);
  root = reply.issued[0]!;
});

/** A root's node with a door, and machines that stand before it. */
class Site {
  nowMs = START_MS;
  monotonicMs = 0;
  disk: unknown;
  isDiskFull = false;
  readonly bannedFor: string[] = [];
  readonly banned = new Set<string>();
  joined = new Set<string>();
  host: JoinHost = {
    trustDomain: TD,
    holdsRoot: true,
    nowMs: () => this.nowMs,
    isNode: (name) => name === "till-2",
    hasJoined: (name) => this.joined.has(name),
    signIssuer: async (node, request, challenge) => {
      const reply = await performIssue({ kind: "sign", signer: root, node, request, challenge, nowMs: this.nowMs });
      return reply.kind === "issued" ? reply.issued[0]!.certificate : JSON.stringify(reply);
    },
    isBanned: (keyHash) => this.banned.has(keyHash),
    banOthers: async (node, keyHash) => void this.bannedFor.push(`${node} but ${keyHash}`),
    trust: () => ({ bundle: Buffer.from("{}"), trust: Buffer.from("t"), floorMs: START_MS }),
  };
  readonly tries = new TryLimit(() => this.monotonicMs);
  invites = this.#read();
  door = new JoinDoor(this.host, this.invites, this.tries);

  /** As after a restart. */
  restart(): void {
    this.invites = this.#read();
    this.door = new JoinDoor(this.host, this.invites, this.tries);
  }

  #read(): Invites {
    return new Invites({
      read: () => JSON.parse(JSON.stringify(this.disk ?? null)),
      write: (value) => {
        if (this.isDiskFull) throw new Error("ENOSPC");
        this.disk = JSON.parse(JSON.stringify(value));
      },
    });
  }

  invite(secret: Uint8Array, more: Partial<Invite> = {}): string {
    const id = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("hex");
    const keyHash = tokenKeyHash(tokenPublicKey(secret)).toString("hex");
    const times = { createdAtMs: this.nowMs, expiresAtMs: this.nowMs + 900_000 };
    const rest = { binding: null, isReplacing: false, tries: 0, spent: null };
    this.invites.add({ id, node: "till-2", keyHash, ...times, ...rest, ...more }, this.nowMs);
    return id;
  }
}

interface Asked {
  readonly key?: KeyObject;
  readonly material?: Uint8Array;
  /** What it signs for, where that is not the session's. */
  readonly signedMaterial?: Uint8Array;
  readonly node?: string;
  readonly serial?: string;
  readonly endorsementKey?: string;
}

const newKey = (): KeyObject => generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
const material = new Uint8Array(32).fill(5);

function ask(site: Site, tokenId: string, secret: Uint8Array, asked: Asked = {}): Promise<JoinReply> {
  const session = asked.material ?? material;
  const node = asked.node ?? "till-2";
  const issuerRequest = makeIssuerRequest({ trustDomain: TD, node, challenge: session }, asked.key ?? newKey());
  const request = {
    tokenId,
    publicKey: tokenPublicKey(secret),
    issuerRequest,
    endorsementKey: asked.endorsementKey ?? "",
  };
  const binding = { trustDomain: TD, node, keyingMaterial: asked.signedMaterial ?? session };
  const bytes = makeJoinRequest(binding, { ...request, serial: asked.serial ?? "" }, tokenPrivateKey(secret));
  return site.door.join(Buffer.concat([session, bytes]), ADDRESS);
}

const secret = new Uint8Array(32).fill(1);
const other = new Uint8Array(32).fill(2);

describe("the join door", () => {
  test("lets a machine in with a token, once, and gives its issuer for the key that asked", async () => {
    const site = new Site();
    const id = site.invite(secret);
    const key = newKey();
    const reply = await ask(site, id, secret, { key });
    expect(reply.status).toBe(JOIN_STATUS.DONE);
    const answer = decodeJoinAnswer(reply.bytes)!;
    const issuer = readCertificate(answer.issuer);
    expect(issuer.subject.commonName).toBe("till-2");
    expect(reply.outcome).toMatchObject({ result: "joined", node: "till-2", keyHash: issuer.keyHash });
    expect((await ask(site, id, secret)).outcome.result).toBe("token_spent");
  });

  test("repeats its answer for the key that joined, for a while, and also after a restart", async () => {
    const site = new Site();
    const id = site.invite(secret);
    const key = newKey();
    const first = await ask(site, id, secret, { key });
    site.restart();
    const again = await ask(site, id, secret, { key, material: new Uint8Array(32).fill(6) });
    expect(again.outcome.result).toBe("repeated");
    expect(again.bytes).toEqual(first.bytes);
    site.nowMs += JOIN_REPEAT_MS + 1;
    expect((await ask(site, id, secret, { key })).outcome.result).toBe("token_spent");
  });

  test("lets exactly one of many in that come at the same time with one token", async () => {
    const site = new Site();
    const id = site.invite(secret);
    const replies = await Promise.all(Array.from({ length: 8 }, () => ask(site, id, secret)));
    const results = replies.map(({ outcome }) => outcome.result);
    expect(results.filter((result) => result === "joined")).toHaveLength(1);
    expect(results.filter((result) => result === "token_busy" || result === "token_spent")).toHaveLength(7);
  });

  test("lets nobody in where the spending cannot be written down, and not again either", async () => {
    const site = new Site();
    const id = site.invite(secret);
    site.isDiskFull = true;
    const reply = await ask(site, id, secret);
    expect(reply).toMatchObject({ status: JOIN_STATUS.REFUSED, outcome: { result: "not_written" } });
    site.isDiskFull = false;
    expect((await ask(site, id, secret)).outcome.result).toBe("token_spent");
  });

  test("refuses what is signed for another session, another name, or by another secret, alike", async () => {
    const site = new Site();
    const id = site.invite(secret);
    const results = [
      await ask(site, id, secret, { signedMaterial: new Uint8Array(32) }),
      await ask(site, id, secret, { node: "till-3" }),
      await ask(site, id, other),
      await ask(site, "00".repeat(16), secret),
    ];
    for (const { bytes } of results) expect(Buffer.from(bytes).toString()).toBe("token_unknown");
  });

  test("takes a token out of use after a few wrong secrets, also for the right one and after a restart", async () => {
    const site = new Site();
    const id = site.invite(secret);
    for (let tries = 0; tries < TOKEN_TRIES_MAX; tries++) await ask(site, id, other);
    site.restart();
    expect((await ask(site, id, secret)).outcome.result).toBe("token_void");
    expect(site.invites.doorUntilMs()).toBe(0);
  });

  test("makes an address wait that tries too often, until its window is over", async () => {
    const site = new Site();
    const id = site.invite(secret);
    for (let tries = 0; tries < TRIES_PER_ADDRESS_MAX; tries++) await ask(site, "00".repeat(16), other);
    expect((await ask(site, id, secret)).outcome.result).toBe("too_many_tries");
    site.monotonicMs += 60_000;
    expect((await ask(site, id, secret)).outcome.result).toBe("joined");
  });

  test("refuses an expired token by the judged clock, and one whose name the documents no longer have", async () => {
    const site = new Site();
    const late = site.invite(secret);
    site.nowMs += 900_001;
    expect((await ask(site, late, secret)).outcome.result).toBe("token_expired");
    const gone = site.invite(secret, { node: "till-9" });
    expect((await ask(site, gone, secret, { node: "till-9" })).outcome.result).toBe("node_unknown");
  });

  test("refuses another machine than the one a token is bound to, and says which to the audit log", async () => {
    const site = new Site();
    const id = site.invite(secret, { binding: { kind: "serial", value: "SN-7" } });
    expect((await ask(site, id, secret, { serial: "SN-8" })).outcome).toMatchObject({
      result: "hardware",
      detail: "another serial: SN-8",
    });
    expect((await ask(site, id, secret)).outcome.detail).toBe("no serial was shown");
    expect((await ask(site, id, secret, { serial: "SN-7" })).outcome.result).toBe("joined");
  });

  test("holds a token for a TPM against the TPM, whatever the serial number is", async () => {
    const site = new Site();
    const [right, wrong] = ["a".repeat(64), "b".repeat(64)];
    const id = site.invite(secret, { binding: { kind: "ek", value: right } });
    for (const [asked, detail] of [
      [{ serial: right }, "no ek was shown"],
      [{ endorsementKey: wrong }, `another ek: ${wrong}`],
    ] as const) {
      expect((await ask(site, id, secret, asked)).outcome).toMatchObject({ result: "hardware", detail });
    }
    expect((await ask(site, id, secret, { endorsementKey: right })).outcome.result).toBe("joined");
  });

  test("takes a second machine of one name only to replace the first, whose keys are banned then", async () => {
    const site = new Site();
    site.joined.add("till-2");
    expect((await ask(site, site.invite(secret), secret)).outcome.result).toBe("node_joined");
    const id = site.invite(secret, { isReplacing: true });
    const key = newKey();
    const { outcome } = await ask(site, id, secret, { key });
    expect(site.bannedFor).toEqual([`till-2 but ${outcome.keyHash}`]);
    // The node may have died in between: whoever hears the answer again has taken the other one's place.
    expect((await ask(site, id, secret, { key })).outcome.result).toBe("repeated");
    expect(site.bannedFor).toEqual(Array(2).fill(`till-2 but ${outcome.keyHash}`));
    site.banned.add(outcome.keyHash);
    expect((await ask(site, id, secret, { key })).outcome.result).toBe("token_spent");
    expect(site.bannedFor).toHaveLength(2);
    expect(outcome.keyHash).toBe(
      keyHashOf(
        new Uint8Array((await import("node:crypto")).createPublicKey(key).export({ type: "spki", format: "der" })),
      ),
    );
  });

  test("tells bytes that are no request from a refusal, and never fails", async () => {
    const site = new Site();
    for (const length of [0, 1, 31, 32, 33, 200, 5000]) {
      const { outcome } = await site.door.join(new Uint8Array(length), `10.1.1.${length}`);
      expect(outcome.result).toBe("request_form");
    }
  });

  test("passes on why nothing was signed, and the token stays good", async () => {
    const site = new Site();
    const { signIssuer } = site.host;
    site.host = { ...site.host, signIssuer: async () => "the root is sealed" };
    site.restart();
    const id = site.invite(secret);
    expect((await ask(site, id, secret)).outcome).toMatchObject({ result: "not_issued", detail: "the root is sealed" });
    site.host = { ...site.host, signIssuer };
    site.restart();
    expect((await ask(site, id, secret)).outcome.result).toBe("joined");
  });
});
