import { ADDRESS_MISSING_MS } from "./limits.ts";

/** Whether an IP address is one of this machine's. */
export type OwnAddress = (address: string) => boolean;

/** Tells addresses that are gone from this machine from those that come back: a cable that is loose for a second changes nothing. */
export class MissingAddresses {
  /** When each was first found missing. */
  readonly #since = new Map<string, number>();

  /** Looks at the addresses that are in use; answers which of them are gone. @param nowMs on the monotonic clock. */
  look(isOwn: OwnAddress, inUse: ReadonlySet<string>, nowMs: number): OwnAddress {
    for (const address of this.#since.keys()) if (!inUse.has(address)) this.#since.delete(address);
    for (const address of inUse) {
      if (isOwn(address)) this.#since.delete(address);
      else if (!this.#since.has(address)) this.#since.set(address, nowMs);
    }
    return (address) => nowMs - (this.#since.get(address) ?? nowMs) >= ADDRESS_MISSING_MS;
  }
}
