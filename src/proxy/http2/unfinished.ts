import { FRAME_TIMEOUT_MS, HEAD_TIMEOUT_MS } from "../limits.ts";

/** What of a connection tells whether something has begun and not ended. */
export interface Reading {
  /** Stream of the block that goes on in the next frame, 0 = none. */
  readonly continuedId: number;
  readonly reader: {
    /** A frame has begun, and not all of it has come. */
    readonly isMidFrame: boolean;
    /** Frames that were read to their end. */
    readonly completed: number;
  };
}

/** What a peer has begun and has to end: a frame, and the block of a head that takes several. One that drips would take for ever. */
export class Unfinished {
  /** 0 = none. */
  #headSinceMs = 0;
  #frameSinceMs = 0;
  /** How many frames came before the one that has begun. */
  #frame = 0;

  /** To be called when all that came was read. True: something has begun just now. */
  look({ continuedId, reader }: Reading, nowMs: number): boolean {
    let hasBegun = false;
    if (!reader.isMidFrame) this.#frameSinceMs = 0;
    else if (this.#frameSinceMs === 0 || this.#frame !== reader.completed) {
      this.#frame = reader.completed;
      this.#frameSinceMs = nowMs;
      hasBegun = true;
    }
    if (continuedId === 0) this.#headSinceMs = 0;
    else if (this.#headSinceMs === 0) {
      this.#headSinceMs = nowMs;
      hasBegun = true;
    }
    return hasBegun;
  }

  /** What is due first. */
  get what(): "head" | "frame" {
    return this.#headDueMs <= this.#frameDueMs ? "head" : "frame";
  }

  /** When it has to have ended, on the clock of `look`; Infinity where nothing has begun. */
  get dueMs(): number {
    return Math.min(this.#headDueMs, this.#frameDueMs);
  }

  get #headDueMs(): number {
    return this.#headSinceMs === 0 ? Number.POSITIVE_INFINITY : this.#headSinceMs + HEAD_TIMEOUT_MS;
  }

  get #frameDueMs(): number {
    return this.#frameSinceMs === 0 ? Number.POSITIVE_INFINITY : this.#frameSinceMs + FRAME_TIMEOUT_MS;
  }
}
