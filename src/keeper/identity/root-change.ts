import { ISSUER_LIFE_MS } from "../../identity/lifetimes.ts";
import {
  afterRotationStep,
  nextRotationStep,
  type RotationFacts,
  type RotationStep,
} from "../../identity/root-rotation.ts";
import { issueProblem } from "./found-site.ts";
import { newestByNode } from "./issued-issuers.ts";
import type { RootKeys } from "./root-keys.ts";
import type { SiteIdentity } from "./site-identity.ts";

/**
 * How long the old root stays after the last node got an issuer of the new one. Reason: that node still has to make SVIDs of it
 * and to bring its tunnels over.
 */
export const SETTLE_MS = 30_000;

/**
 * Changes the site's root on the node that holds it. Every step is two writings, in an order that leaves a state after a crash
 * from which the same step is done again; so `step` needs to know no more than what is on disk.
 */
export class RootChange {
  readonly #identity: SiteIdentity;
  readonly #tell: (detail: string) => void;

  constructor(identity: SiteIdentity, tell: (detail: string) => void) {
    this.#identity = identity;
    this.#tell = tell;
  }

  /** Whether a change is under way, which wants to be looked at often. */
  get isUnderWay(): boolean {
    const phase = this.#identity.root?.rotation.phase;
    return phase !== undefined && phase !== "steady";
  }

  /**
   * Makes a new root and says so. One that is under way already only becomes `isCompromised`. Answers why not, or `undefined`.
   * Rejects with IdentityStoreError.
   */
  async begin(isCompromised: boolean): Promise<string | undefined> {
    const identity = this.#identity;
    const { root, trustDomain } = identity;
    if (root === undefined) return "only the root's node can change the root";
    if (this.isUnderWay) {
      if (isCompromised) root.markCompromised();
      return isCompromised ? undefined : "the root is being changed already";
    }
    const nowMs = Math.floor(identity.nowMs());
    const outcome = await identity.issue({ kind: "root", trustDomain, nowMs });
    const next = outcome.kind === "issued" ? outcome.issued[0] : undefined;
    if (next === undefined) return issueProblem(outcome);
    root.announce({ certificate: Uint8Array.from(next.certificate), key: next.key }, nowMs, isCompromised);
    this.#tell("a new root is announced to all nodes");
    await this.step();
    return undefined;
  }

  /** Does what can be done now; resolves when the rest has to wait. Rejects with IdentityStoreError. */
  async step(): Promise<void> {
    const { root } = this.#identity;
    if (root === undefined) return;
    await this.#finishHalfDone(root);
    const next = nextRotationStep(root.rotation, this.#facts(root));
    if (next === "wait" || (next === "drop_old" && !this.#isSettled(root))) return;
    await this.#take(root, next);
  }

  /** What a crash between two writings left. */
  async #finishHalfDone(root: RootKeys): Promise<void> {
    const identity = this.#identity;
    const { roots } = identity.siteTrust.bundle;
    const { announced } = root;
    if (announced !== undefined && roots.length < 2) await identity.sayRoots([root.certificate.der, announced]);
    else if (announced !== undefined && roots[0]?.keyHash !== root.keyHash) this.#takeOver(root);
    else if (root.rotation.phase === "signing" && roots.length < 2) root.settle(identity.nowMs());
  }

  async #take(root: RootKeys, step: RotationStep): Promise<void> {
    const identity = this.#identity;
    const { announced } = root;
    if (step === "sign_with_new" && announced !== undefined) {
      await identity.sayRoots([announced, root.certificate.der]);
      this.#takeOver(root);
    } else if (step === "drop_old") {
      const { isCompromised } = root.rotation;
      const old = identity.siteTrust.bundle.roots.filter((one) => one.keyHash !== root.keyHash);
      await identity.sayRoots([root.certificate.der], isCompromised ? old.map((one) => one.keyHash) : []);
      root.settle(afterRotationStep(root.rotation, step, identity.nowMs()).sinceMs);
      this.#tell("the old root is not believed any more");
    }
  }

  #takeOver(root: RootKeys): void {
    root.takeOver(this.#identity.nowMs());
    this.#tell("the new root signs from now on");
  }

  #facts(root: RootKeys): RotationFacts {
    const identity = this.#identity;
    const nowMs = identity.nowMs();
    const { sequence } = identity.siteTrust.bundle;
    const living = [...newestByNode(identity.issuedIssuers())].filter(
      ([, { keyHash, notAfterMs }]) => notAfterMs > nowMs && !identity.siteTrust.isBanned(keyHash),
    );
    const others = living.filter(([node]) => node !== identity.node);
    const own = identity.issuerRoot()?.keyHash === root.keyHash ? 1 : 0;
    // A list that may lack somebody says nothing about who has followed.
    const { issuedCompleteSinceMs: sinceMs, origin } = identity;
    const isKnown = nowMs - sinceMs >= ISSUER_LIFE_MS || (origin === "own" && sinceMs <= nowMs);
    return {
      nowMs,
      nodes: isKnown ? others.length + 1 : Number.POSITIVE_INFINITY,
      nodesTrusting: 1 + others.filter(([node]) => identity.confirmedSequence(node) >= sequence).length,
      nodesRenewed: own + others.filter(([, { rootKeyHash }]) => rootKeyHash === root.keyHash).length,
      isCompromised: root.rotation.isCompromised,
    };
  }

  #isSettled(root: RootKeys): boolean {
    const identity = this.#identity;
    const last = Math.max(0, ...identity.issuedIssuers().map(({ node, atMs }) => (node === identity.node ? 0 : atMs)));
    return root.rotation.isCompromised || identity.nowMs() - last >= SETTLE_MS;
  }
}
