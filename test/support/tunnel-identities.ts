import { type BanList, NO_BANS, printBans } from "../../src/identity/bans.ts";
import { makeBundle, printBundle, type TrustBundle } from "../../src/identity/bundle.ts";
import { performIssue } from "../../src/identity/issue.ts";
import type { IssuedCertificate, IssueRequest } from "../../src/identity/issue-protocol.ts";
import { TO_WORKER } from "../../src/wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../src/wire/channel/to-worker-frame.ts";

/** A workload of a node: key of its WorkloadRecord, and its service account where that is not its name. */
export interface TestWorkload {
  /** `workload/<namespace>/<name>` */
  readonly key: string;
  readonly serviceAccount?: string;
}

/** The certificates of a site, as a keeper would have made them: a root, and for each node an issuer. */
export class TunnelIdentities {
  readonly trustDomain: string;
  /** The one that signs. */
  root: IssuedCertificate;
  bundle: TrustBundle;
  bans: BanList = NO_BANS;
  /** What time it is for whoever makes certificates and judges them, less what passed since 1970 on the machine's clock. */
  aheadMs: number;
  readonly #issuers: Map<string, IssuedCertificate>;
  /** Which root signed an issuer, by node. */
  readonly #signers: Map<string, IssuedCertificate>;
  #version = 0;

  private constructor(
    trustDomain: string,
    root: IssuedCertificate,
    issuers: Map<string, IssuedCertificate>,
    aheadMs: number,
  ) {
    this.trustDomain = trustDomain;
    this.root = root;
    this.#issuers = issuers;
    this.#signers = new Map([...issuers.keys()].map((node) => [node, root]));
    this.aheadMs = aheadMs;
    this.bundle = bundleOf(trustDomain, 1, [root]);
  }

  static async make(trustDomain: string, nodes: readonly string[], nowMs = Date.now()): Promise<TunnelIdentities> {
    const [root] = await issued({ kind: "root", trustDomain, nowMs });
    const issuers = new Map<string, IssuedCertificate>();
    for (const node of nodes) {
      const [issuer] = await issued({ kind: "issuer", signer: root!, node, nowMs });
      issuers.set(node, issuer!);
    }
    return new TunnelIdentities(trustDomain, root!, issuers, nowMs - Date.now());
  }

  issuer(node: string): IssuedCertificate {
    const issuer = this.#issuers.get(node);
    if (!issuer) throw new Error(`no node ${node}`);
    return issuer;
  }

  get nowMs(): number {
    return Date.now() + this.aheadMs;
  }

  /** A new issuer for a node, by the root that signs. */
  async renewIssuer(node: string): Promise<void> {
    const [issuer] = await issued({ kind: "issuer", signer: this.root, node, nowMs: this.nowMs });
    this.#issuers.set(node, issuer!);
    this.#signers.set(node, this.root);
  }

  /** Another root that is believed and signs nothing yet. */
  async addRoot(): Promise<IssuedCertificate> {
    const [root] = await issued({ kind: "root", trustDomain: this.trustDomain, nowMs: this.nowMs });
    this.#believe([this.root, root!]);
    return root!;
  }

  /** It signs from now on; the other one is believed still. */
  signBy(root: IssuedCertificate): void {
    this.#believe([root, this.root]);
    this.root = root;
  }

  /** Only the root that signs is believed. */
  dropOldRoot(): void {
    this.#believe([this.root]);
  }

  #believe(roots: readonly IssuedCertificate[]): void {
    this.bundle = bundleOf(this.trustDomain, this.bundle.sequence + 1, roots);
  }

  /** What workers judge by, with a version of its own each time. */
  trustFrame(nowMs = this.nowMs): Extract<ToWorkerFrame, { type: typeof TO_WORKER.TRUST }> {
    return {
      type: TO_WORKER.TRUST,
      version: ++this.#version,
      nowMs,
      bundle: Buffer.from(printBundle(this.bundle)),
      bans: Buffer.from(printBans(this.bans)),
    };
  }

  /** New certificates and keys: the node's own and those of its workloads. */
  async keyFrames(node: string, workloads: readonly TestWorkload[]): Promise<ToWorkerFrame[]> {
    const signer = this.issuer(node);
    const ids = [
      `spiffe://${this.trustDomain}/selvedge/node/${node}`,
      ...workloads.map(({ key, serviceAccount }) => {
        const [, namespace = "", name = ""] = key.split("/");
        return `spiffe://${this.trustDomain}/ns/${namespace}/sa/${serviceAccount ?? name}`;
      }),
    ];
    const made = await issued({ kind: "svids", signer, ids, nowMs: this.nowMs });
    const chainOf = (leaf: IssuedCertificate): Uint8Array[] => [
      leaf.certificate,
      signer.certificate,
      (this.#signers.get(node) ?? this.root).certificate,
    ];
    return made.map((leaf, at) => ({
      type: TO_WORKER.KEYS,
      workload: at === 0 ? "" : workloads[at - 1]!.key,
      chain: chainOf(leaf),
      key: leaf.key,
    }));
  }
}

function bundleOf(trustDomain: string, sequence: number, roots: readonly IssuedCertificate[]): TrustBundle {
  const bundle = makeBundle(
    trustDomain,
    sequence,
    roots.map(({ certificate }) => certificate),
  );
  if (typeof bundle === "string") throw new Error(bundle);
  return bundle;
}

async function issued(request: IssueRequest): Promise<readonly IssuedCertificate[]> {
  const reply = await performIssue(request);
  if (reply.kind !== "issued") throw new Error(JSON.stringify(reply));
  return reply.issued;
}
