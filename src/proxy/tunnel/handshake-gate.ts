import {
  HANDSHAKE_ADDRESSES_MAX,
  HANDSHAKE_BURST,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
  HANDSHAKES_PER_SECOND,
  HANDSHAKES_RESERVED,
} from "./limits.ts";

/** Why a connection may not begin its handshake. */
export type GateRefusal = "total" | "address" | "rate";

interface Source {
  underWay: number;
  /** Of these, those that began while the documents did not name the address. */
  strangers: number;
  tokens: number;
  atMs: number;
}

/**
 * Who may begin a handshake: each costs a signature on our side before anything is known about the other. A value without clock
 * or sockets; whoever was let in is to be given back with `end`.
 */
export class HandshakeGate {
  readonly #sources = new Map<string, Source>();
  #underWay = 0;
  #strangers = 0;

  get underWay(): number {
    return this.#underWay;
  }

  /** Lets a connection of `address` begin, or says which bound it hits. @param isKnown the documents name this address. */
  begin(address: string, isKnown: boolean, nowMs: number): GateRefusal | undefined {
    const source = this.#source(address, nowMs);
    const refusal = this.#judge(source, isKnown);
    if (refusal !== undefined) return refusal;
    source.tokens--;
    source.underWay++;
    this.#underWay++;
    if (!isKnown) {
      source.strangers++;
      this.#strangers++;
    }
    return undefined;
  }

  /** The handshake is over, however it went. */
  end(address: string): void {
    const source = this.#sources.get(address);
    if (source === undefined || source.underWay === 0) return;
    source.underWay--;
    this.#underWay--;
    if (source.strangers === 0) return;
    source.strangers--;
    this.#strangers--;
  }

  #judge(source: Source, isKnown: boolean): GateRefusal | undefined {
    if (source.underWay >= HANDSHAKES_PER_ADDRESS_MAX) return "address";
    if (this.#underWay >= HANDSHAKES_MAX) return "total";
    if (!isKnown && this.#strangers >= HANDSHAKES_MAX - HANDSHAKES_RESERVED) return "total";
    return source.tokens < 1 ? "rate" : undefined;
  }

  #source(address: string, nowMs: number): Source {
    let source = this.#sources.get(address);
    if (source === undefined) {
      if (this.#sources.size >= HANDSHAKE_ADDRESSES_MAX) this.#forgetOne();
      source = { underWay: 0, strangers: 0, tokens: HANDSHAKE_BURST, atMs: nowMs };
    } else this.#sources.delete(address);
    // Last in the map is the one that came last.
    this.#sources.set(address, source);
    const refilled = source.tokens + ((nowMs - source.atMs) / 1000) * HANDSHAKES_PER_SECOND;
    source.tokens = Math.min(HANDSHAKE_BURST, refilled);
    source.atMs = nowMs;
    return source;
  }

  #forgetOne(): void {
    for (const [address, { underWay }] of this.#sources) {
      if (underWay > 0) continue;
      this.#sources.delete(address);
      return;
    }
  }
}
