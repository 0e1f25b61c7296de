import { parseIp } from "../../model/authz/ip.ts";
import { LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import { ExternalPort } from "../mesh/destination.ts";
import { isForbiddenAddress, isOwnAddress } from "./forbidden-address.ts";
import { type EndpointHost, SocketEndpoint } from "./socket-endpoint.ts";

/** Names that may be looked up at once; more are refused. Reason: a name is asked for by a caller, and an answer may take seconds. */
export const LOOKUPS_MAX = 64;

/** Of these, those of one user. Reason: whoever asks for names that are slow to answer must leave room for the others. */
export const LOOKUPS_OF_ONE_MAX = 48;

/** Looks a name up; answers its addresses, none where it has none. */
export type LookUp = (host: string) => Promise<readonly string[]>;

/**
 * Hosts that nobody declared, for `ALLOW_ANY`. They must not lead back into this machine: the mesh would be the caller there,
 * and every check that a service makes of its caller would see the mesh. So the address that is connected to is looked at,
 * not the name.
 */
export class Passthrough {
  readonly #host: EndpointHost;
  readonly #lookUp: LookUp;
  readonly #ownAddresses: () => ReadonlySet<string>;
  #lookUps = 0;
  readonly #askedBy = new Map<number, number>();

  constructor(host: EndpointHost, lookUp: LookUp, ownAddresses: () => ReadonlySet<string>) {
    this.#host = host;
    this.#lookUp = lookUp;
    this.#ownAddresses = ownAddresses;
  }

  /** @param asker user that asks, -1: unknown. */
  resolve(
    host: string,
    port: number,
    isTcp: boolean,
    asker: number,
    answer: (port: ExternalPort | null) => void,
  ): void {
    if (parseIp(host) !== undefined) {
      answer(this.#portAt(host, host, port, isTcp));
      return;
    }
    const asked = this.#askedBy.get(asker) ?? 0;
    if (this.#lookUps >= LOOKUPS_MAX || asked >= LOOKUPS_OF_ONE_MAX) {
      this.#host.stats.counter(LIMIT_COUNTER.lookups);
      answer(null);
      return;
    }
    this.#lookUps++;
    this.#askedBy.set(asker, asked + 1);
    this.#lookUp(host)
      .catch((): readonly string[] => [])
      .then((addresses) => {
        this.#answered(asker);
        const address = addresses.find((candidate) => !this.#isForbidden(candidate));
        answer(address === undefined ? null : this.#portAt(host, address, port, isTcp));
      });
  }

  #answered(asker: number): void {
    this.#lookUps--;
    const left = (this.#askedBy.get(asker) ?? 1) - 1;
    if (left > 0) this.#askedBy.set(asker, left);
    else this.#askedBy.delete(asker);
  }

  #isForbidden(address: string): boolean {
    return isForbiddenAddress(address) || isOwnAddress(address, this.#ownAddresses());
  }

  #portAt(host: string, address: string, port: number, isTcp: boolean): ExternalPort | null {
    if (this.#isForbidden(address)) return null;
    const endpoint = new SocketEndpoint(`|${address}:${port}`, { hostname: address, port }, this.#host);
    // Nobody else will use it: its connections end with their request.
    endpoint.retire();
    return ExternalPort.passthrough(host, port, isTcp, endpoint);
  }
}
