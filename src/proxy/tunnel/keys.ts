import { copyOf } from "../../base/copy-bytes.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { CertificateError } from "../../identity/certificate-error.ts";
import { KEYS_MAX } from "./limits.ts";

/** Name of the node's own keys among those of workloads, as in KEYS frames. */
export const NODE_KEYS = "";

/** One identity of this node. Valid until it is replaced: then the key's bytes are zeros. */
export interface HeldKeys {
  /** DER, leaf first. */
  readonly chain: readonly Uint8Array[];
  /** PKCS #8. */
  readonly key: Uint8Array;
  /** When the first of its certificates is over. */
  readonly notAfterMs: number;
}

/** What a KEYS frame says. */
export interface KeysFrame {
  readonly workload: string;
  readonly chain: readonly Uint8Array[];
  readonly key: Uint8Array;
}

/** The identities that this worker may use: of its node and of the workloads on it. Nothing of them is ever written anywhere. */
export class Keys {
  readonly #held = new Map<string, HeldKeys>();
  readonly #waiting = new Map<string, Set<() => void>>();

  /** The node's own, or `undefined` where it has none (yet). */
  get node(): HeldKeys | undefined {
    return this.#held.get(NODE_KEYS);
  }

  /** By key of the WorkloadRecord. */
  workload(key: string): HeldKeys | undefined {
    return key === NODE_KEYS ? undefined : this.#held.get(key);
  }

  /** Calls once, when keys of this workload come. To be taken back with `forget` by whoever waits no longer. */
  whenHeld(workload: string, waiter: () => void): void {
    const waiters = this.#waiting.get(workload) ?? new Set();
    this.#waiting.set(workload, waiters.add(waiter));
  }

  /** Takes a waiter of `whenHeld` back. */
  forget(workload: string, waiter: () => void): void {
    const waiters = this.#waiting.get(workload);
    if (waiters?.delete(waiter) === true && waiters.size === 0) this.#waiting.delete(workload);
  }

  /**
   * Takes over what a frame brings, copying it, and wipes both what it replaces and the key in the frame. Answers `""`, or why
   * the identity is of no use; then there is none.
   */
  take({ workload, chain, key }: KeysFrame): string {
    const before = this.#held.get(workload);
    this.#held.delete(workload);
    before?.key.fill(0);
    if (chain.length === 0) return "";
    const notAfterMs = lifeEndMs(chain);
    const problem = typeof notAfterMs === "string" ? notAfterMs : this.#held.size >= KEYS_MAX ? "too many" : "";
    if (problem === "") {
      const own = { chain: chain.map((der) => copyOf(der)), key: copyOf(key), notAfterMs: Number(notAfterMs) };
      this.#held.set(workload, own);
    }
    key.fill(0);
    if (problem === "") this.#wake(workload);
    return problem;
  }

  #wake(workload: string): void {
    const waiters = this.#waiting.get(workload);
    this.#waiting.delete(workload);
    for (const waiter of waiters ?? []) waiter();
  }

  /** Forgets and wipes everything. */
  clear(): void {
    for (const { key } of this.#held.values()) key.fill(0);
    this.#held.clear();
  }
}

/** When the first certificate of a chain is over, or what is wrong with one of them. */
function lifeEndMs(chain: readonly Uint8Array[]): number | string {
  try {
    return Math.min(...chain.map((der) => readCertificate(der).notAfterMs));
  } catch (error) {
    if (error instanceof CertificateError) return error.problem;
    throw error;
  }
}
