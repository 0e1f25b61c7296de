/** The disk of a node in a thief's hands: what lies on it, and what can be made of that, is all that he has. */
import { parseBundle } from "../../src/identity/bundle.ts";
import { performIssue } from "../../src/identity/issue.ts";
import type { Signer } from "../../src/identity/issue-protocol.ts";
import { ISSUER_FILE, SITE_FILE } from "../../src/keeper/identity/identity-files.ts";
import { IdentityStore } from "../../src/keeper/identity/identity-store.ts";
import { TO_WORKER } from "../../src/wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../src/wire/channel/to-worker-frame.ts";
import type { TestWorkload } from "./tunnel-identities.ts";
import type { TunnelAuthority } from "./tunnel-node.ts";

interface Believed {
  readonly bundle: Uint8Array;
  readonly bans: Uint8Array;
  readonly root: Uint8Array;
}

/** Signs with what it has found, and believes whoever the node believed. */
export class StolenDisk implements TunnelAuthority {
  readonly trustDomain: string;
  readonly node: string;
  /** Certificate and key of the node's issuer. */
  readonly issuer: Signer;
  readonly #trust: Believed;
  #version = 0;

  private constructor(site: { trustDomain: string; node: string }, issuer: Signer, trust: Believed) {
    this.trustDomain = site.trustDomain;
    this.node = site.node;
    this.issuer = issuer;
    this.#trust = trust;
  }

  /** Reads a state directory, with the key that lies beside what it seals. */
  static async read(statePath: string): Promise<StolenDisk> {
    const store = new IdentityStore(statePath, {});
    const [site, issuer, trust] = [store.read(SITE_FILE), store.read(ISSUER_FILE), store.readTrust()];
    if (site.state !== "good" || issuer.state !== "good" || trust.state !== "good") throw new Error("nothing to steal");
    const { trustDomain } = site.value;
    const bundle = parseBundle(trust.value.bundle, trustDomain);
    const root = typeof bundle === "string" ? undefined : bundle.roots[0]?.der;
    if (root === undefined) throw new Error("no bundle");
    const stolen = await store.withSigner("issuer-key", issuer.value, async ({ certificate, key }) => ({
      certificate,
      key: Uint8Array.from(key),
    }));
    const text = { bundle: Buffer.from(trust.value.bundle), bans: Buffer.from(trust.value.bans) };
    return new StolenDisk(site.value, stolen, { ...text, root });
  }

  trustFrame(nowMs: number): Extract<ToWorkerFrame, { type: typeof TO_WORKER.TRUST }> {
    const { bundle, bans } = this.#trust;
    return { type: TO_WORKER.TRUST, version: ++this.#version, nowMs, bundle, bans };
  }

  /** SVIDs of the node, for itself and for workloads that he claims are on it. */
  async keyFrames(node: string, workloads: readonly TestWorkload[]): Promise<readonly ToWorkerFrame[]> {
    const { trustDomain, issuer } = this;
    const named = workloads.map(({ key }) => key.split("/"));
    const ids = [`/selvedge/node/${node}`, ...named.map(([, namespace, name]) => `/ns/${namespace}/sa/${name}`)];
    const signer = { certificate: issuer.certificate, key: Uint8Array.from(issuer.key) };
    const reply = await performIssue({
      kind: "svids",
      signer,
      ids: ids.map((path) => `spiffe://${trustDomain}${path}`),
      nowMs: Date.now(),
    });
    if (reply.kind !== "issued") throw new Error(JSON.stringify(reply));
    return reply.issued.map(({ certificate, key }, at) => ({
      type: TO_WORKER.KEYS,
      workload: workloads[at - 1]?.key ?? "",
      chain: [certificate, issuer.certificate, this.#trust.root],
      key,
    }));
  }
}
