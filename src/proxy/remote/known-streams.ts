import { PIN_BYTES_MAX } from "../pin/pin-text.ts";
import type { ProvenCaller } from "../tunnel/proven-callers.ts";
import type { RemoteOrigin } from "./remote-origin.ts";

/** Origins kept at hand for one tunnel. Reason: callers times endpoints that are busy at once; a power of two. */
const KNOWN_STREAMS_MAX = 32;

/** Who spoke, and what was chosen, as the lines of a stream said it. */
interface KnownStream {
  readonly proven: ProvenCaller;
  readonly pin: Uint8Array;
  readonly origin: RemoteOrigin;
}

/**
 * The origins that streams of one tunnel named last, by the bytes of their pin: comparing those costs a fraction of making a
 * string of them and looking that up. What is found here is what the tables would find, or nothing.
 */
export class KnownStreams {
  readonly #slots: (KnownStream | undefined)[] = new Array<KnownStream | undefined>(KNOWN_STREAMS_MAX).fill(undefined);

  /** @param proven who is believed under the handle of the stream, now. @param start,end of the pin in `bytes`. */
  find(proven: ProvenCaller, bytes: Buffer, start: number, end: number): RemoteOrigin | null {
    const slot = this.#slots[slotOf(proven.handle, bytes, start, end)];
    if (!slot || slot.proven !== proven || !slot.origin.isCurrent) return null;
    return bytes.compare(slot.pin, 0, slot.pin.length, start, end) === 0 ? slot.origin : null;
  }

  remember(proven: ProvenCaller, bytes: Buffer, start: number, end: number, origin: RemoteOrigin): void {
    if (end - start > PIN_BYTES_MAX) return;
    this.#slots[slotOf(proven.handle, bytes, start, end)] = {
      proven,
      pin: Uint8Array.from(bytes.subarray(start, end)),
      origin,
    };
  }

  /** Forgets everything. */
  clear(): void {
    this.#slots.fill(undefined);
  }
}

/** Any number would do: it only spreads. Endpoints of a service differ at the end, most of the time. */
function slotOf(handle: number, bytes: Buffer, start: number, end: number): number {
  let hash = handle;
  for (let at = Math.max(start, end - 8); at < end; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  return (hash + end - start) & (KNOWN_STREAMS_MAX - 1);
}
