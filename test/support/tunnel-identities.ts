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
  readonly root: IssuedCertificate;
  readonly bundle: TrustBundle;
  bans: BanList = NO_BANS;
  readonly nowMs: number;
  readonly #issuers: ReadonlyMap<string, IssuedCertificate>;
  #version = 0;

  private constructor(
    trustDomain: string,
    root: IssuedCertificate,
    issuers: ReadonlyMap<string, IssuedCertificate>,
    nowMs: number,
  ) {
    this.trustDomain = trustDomain;
    this.root = root;
    this.#issuers = issuers;
    this.nowMs = nowMs;
    const bundle = makeBundle(trustDomain, 1, [root.certificate]);
    if (typeof bundle === "string") throw new Error(bundle);
    this.bundle = bundle;
  }

  static async make(trustDomain: string, nodes: readonly string[], nowMs = Date.now()): Promise<TunnelIdentities> {
    const [root] = await issued({ kind: "root", trustDomain, nowMs });
    const issuers = new Map<string, IssuedCertificate>();
    for (const node of nodes) {
      const [issuer] = await issued({ kind: "issuer", signer: root!, node, nowMs });
      issuers.set(node, issuer!);
    }
    return new TunnelIdentities(trustDomain, root!, issuers, nowMs);
  }

  issuer(node: string): IssuedCertificate {
    const issuer = this.#issuers.get(node);
    if (!issuer) throw new Error(`no node ${node}`);
    return issuer;
  }

  /** What workers judge by, with a version of its own each time. */
  trustFrame(nowMs = Date.now()): Extract<ToWorkerFrame, { type: typeof TO_WORKER.TRUST }> {
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
    const made = await issued({ kind: "svids", signer, ids, nowMs: Date.now() });
    const chainOf = (leaf: IssuedCertificate): Uint8Array[] => [
      leaf.certificate,
      signer.certificate,
      this.root.certificate,
    ];
    return made.map((leaf, at) => ({
      type: TO_WORKER.KEYS,
      workload: at === 0 ? "" : workloads[at - 1]!.key,
      chain: chainOf(leaf),
      key: leaf.key,
    }));
  }
}

async function issued(request: IssueRequest): Promise<readonly IssuedCertificate[]> {
  const reply = await performIssue(request);
  if (reply.kind !== "issued") throw new Error(JSON.stringify(reply));
  return reply.issued;
}
