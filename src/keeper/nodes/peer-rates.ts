import { CONTACTS_MAX } from "./node-contacts.ts";

/** Messages that one node may send at once, and per second from then on. Reason: a few at each meeting and change; each costs 3 ms. */
export const PEER_BURST = 200;
export const PEER_MESSAGES_PER_SECOND = 10;

interface Rate {
  tokens: number;
  atMs: number;
}

/** How often nodes may ask this one's keeper: a stolen one must not keep it from everything else. */
export class PeerRates {
  readonly #nowMs: () => number;
  readonly #rates = new Map<string, Rate>();

  /** @param nowMs monotonic. */
  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** Counts one message; false: it is one too many. */
  mayAsk(node: string): boolean {
    const nowMs = this.#nowMs();
    const rate = this.#rates.get(node) ?? { tokens: PEER_BURST, atMs: nowMs };
    this.#rates.delete(node);
    this.#rates.set(node, rate);
    const [oldest] = this.#rates.keys();
    if (this.#rates.size > CONTACTS_MAX && oldest !== undefined) this.#rates.delete(oldest);
    rate.tokens = Math.min(PEER_BURST, rate.tokens + ((nowMs - rate.atMs) / 1000) * PEER_MESSAGES_PER_SECOND);
    rate.atMs = nowMs;
    if (rate.tokens < 1) return false;
    rate.tokens--;
    return true;
  }
}
