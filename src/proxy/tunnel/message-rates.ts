import { PEER_MESSAGE_BURST, PEER_MESSAGE_SOURCES_MAX, PEER_MESSAGES_PER_SECOND } from "./limits.ts";

interface Rate {
  tokens: number;
  atMs: number;
}

/** How often each node, or address at the join door, may ask the keeper. A value: time is handed in, and must not go backwards. */
export class MessageRates {
  /** Who asked last stands last. */
  readonly #rates = new Map<string, Rate>();

  /** Whether a message of `from` would be let through now; takes nothing. */
  allows(from: string, nowMs: number): boolean {
    const rate = this.#rates.get(from);
    return rate === undefined || tokensAt(rate, nowMs) >= 1;
  }

  /** Counts a message; false, and not counted: it is one too many. */
  take(from: string, nowMs: number): boolean {
    const rate = this.#rates.get(from) ?? { tokens: PEER_MESSAGE_BURST, atMs: nowMs };
    rate.tokens = tokensAt(rate, nowMs);
    rate.atMs = nowMs;
    this.#rates.delete(from);
    this.#rates.set(from, rate);
    const [oldest] = this.#rates.keys();
    if (this.#rates.size > PEER_MESSAGE_SOURCES_MAX && oldest !== undefined) this.#rates.delete(oldest);
    if (rate.tokens < 1) return false;
    rate.tokens--;
    return true;
  }
}

function tokensAt({ tokens, atMs }: Rate, nowMs: number): number {
  return Math.min(PEER_MESSAGE_BURST, tokens + ((nowMs - atMs) / 1000) * PEER_MESSAGES_PER_SECOND);
}
