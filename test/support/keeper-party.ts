import { joinSite } from "../../src/keeper/identity/join-site.ts";
import { NodeContacts } from "../../src/keeper/nodes/node-contacts.ts";
import { PeerCalls, type PeerReply, type PeerWorker } from "../../src/keeper/nodes/peer-calls.ts";
import { encodeRenewal, PEER_KIND, type Sync } from "../../src/keeper/nodes/peer-message.ts";
import { PeerService } from "../../src/keeper/nodes/peer-service.ts";
import { proveRenewal } from "../../src/keeper/nodes/renewal-proof.ts";
import { signSync } from "../../src/keeper/nodes/signed-sync.ts";
import { TO_WORKER } from "../../src/wire/channel/frames.ts";
import { IdentityBox, TD } from "./identity-box.ts";

/** A node as its peers see it: an identity, and tunnels that are plain calls here. */
export class Party {
  readonly box: IdentityBox;
  readonly contacts = new NodeContacts();
  readonly calls = new PeerCalls();
  readonly told: string[] = [];
  /** The node that has proven that it holds the root. */
  rootNode = "till-1";
  hurried = 0;
  service!: PeerService;
  readonly #ways = new Map<string, Party>();

  constructor(node: string) {
    this.box = new IdentityBox(node);
  }

  async on(): Promise<this> {
    await this.box.on();
    const { site, renewal } = this.box;
    this.service = new PeerService(
      {
        identity: site,
        whenTaken: async () => true,
        workerTo: (node) => (this.#ways.has(node) ? this.#worker(node) : undefined),
        rootInReach: () => {
          this.hurried++;
          void renewal.hurry();
        },
        isProvenRoot: (name) => name === this.rootNode,
        issuersTold: (by, issuers) => void this.told.push(`issuers ${by} ${issuers.length}`),
        rootProven: (node) => void this.told.push(`root_proven ${node}`),
        told: (what, node, detail) => void this.told.push(`${what} ${node} ${detail}`.trim()),
      },
      this.contacts,
      this.calls,
      () => this.box.clocks().monotonicMs,
    );
    renewal.renewIssuer = () => this.service.renewIssuer();
    return this;
  }

  /** A tunnel in each direction, and what follows from it. */
  async meet(other: Party): Promise<void> {
    this.#way(other);
    other.#way(this);
    await Promise.all([this.service.sync(other.box.node), other.service.sync(this.box.node)]);
    await Promise.all([this.box.renewal.settled(), other.box.renewal.settled()]);
  }

  part(other: Party): void {
    for (const [one, two] of [
      [this, other],
      [other, this],
    ] as const) {
      one.#ways.delete(two.box.node);
      one.contacts.find(two.box.node)?.dialed.clear();
    }
  }

  /** What this node answers to another one that its tunnel has proven. */
  asked(by: string, kind: number, bytes: Uint8Array = new Uint8Array()) {
    return this.service.answer(by, "10.0.0.9", kind, bytes);
  }

  /** A sync as the keeper of `by` would sign it. */
  async hears(by: Party, change: Partial<Sync> = {}): Promise<PeerReply> {
    return this.asked(
      by.box.node,
      PEER_KIND.SYNC,
      await signSync(by.box.site, this.box.node, { ...ownSync(by), ...change }),
    );
  }

  #way(other: Party): void {
    const { node } = other.box;
    this.#ways.set(node, other);
    const seen = { node, direction: "dialer", isUp: true, address: "10.0.0.9:15008", reason: "" } as const;
    this.contacts.tunnel(1, seen, this.box.realMs);
  }

  #worker(node: string): PeerWorker {
    return {
      id: 1,
      send: (frame) => {
        if (frame.type !== TO_WORKER.PEER_SEND) return true;
        const { requestId, kind, bytes } = frame;
        const asked = this.#ways.get(node)?.asked(this.box.node, kind, bytes);
        void asked?.then((reply) => this.calls.replied(1, requestId, reply.status, reply.bytes));
        return asked !== undefined;
      },
    };
  }
}

/** Parties that know each other. Dispose of them. */
export class Parties implements AsyncDisposable {
  readonly #all: Party[] = [];

  party(node: string): Party {
    const made = new Party(node);
    this.#all.push(made);
    return made;
  }

  /** Lets a node in that is not on yet. */
  async joined(root: Party, node: string): Promise<Party> {
    const made = this.party(node);
    const { box } = made;
    const challenge = new Uint8Array(32).fill(1);
    const asked = await box.issue({ kind: "ask", trustDomain: TD, node, challenge });
    if (asked.kind !== "asked") throw new Error(asked.kind);
    const signed = await root.box.site.signIssuer(node, asked.request, challenge);
    if ("refused" in signed) throw new Error(signed.refused);
    joinSite(box.store, {
      trustDomain: TD,
      node,
      root: root.box.site.siteTrust.bundle.roots[0]!.der,
      trustMessage: root.box.site.trustMessage(),
      issuer: { certificate: signed.certificate, key: asked.key },
      nowMs: box.realMs,
    });
    return made.on();
  }

  async site(): Promise<readonly [Party, Party, Party]> {
    const root = await this.party("till-1").on();
    return [root, await this.joined(root, "till-2"), await this.joined(root, "till-3")];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const party of this.#all.splice(0)) {
      party.calls.close();
      await party.box.off();
      party.box.remove();
    }
  }
}

/** What a node would say of itself. */
export function ownSync(of: Party): Sync {
  const { site } = of.box;
  const numbers = { bansTaken: 0, bundleSequence: site.trust().bundle.sequence, floorMs: site.clock.floorMs };
  return { trust: site.trustMessage(), holdsRoot: false, issuers: [], ...numbers };
}

/** What a node sends to renew its issuer. @param by whose issuer's key vouches. */
export async function renewalOf(of: Party, challenge: Uint8Array, by = of): Promise<Uint8Array> {
  const asked = await of.box.site.askIssuer(challenge);
  if ("refused" in asked) throw new Error(asked.refused);
  const { request } = asked;
  const claim = { trustDomain: TD, node: of.box.node, challenge, request };
  const proof = await by.box.site.issuer.sign(async (signer) => proveRenewal(claim, signer));
  return encodeRenewal({ challenge, request, issuer: by.box.site.issuerCertificate()!.der, proof });
}
