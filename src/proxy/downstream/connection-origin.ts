import type { PolicySet } from "../../model/authz/policy-set.ts";
import type { GatewayTable } from "../../model/route/gateway-table.ts";
import type { CallerIdentity } from "../caller.ts";
import { AuthorityMemo } from "../exchange/authority-memo.ts";
import type { LastingOrigin } from "../exchange/request-origin.ts";
import type { Destination } from "../mesh/destination.ts";
import type { Downstream } from "./downstream.ts";

/** Where the requests of one connection come from, kept up to date with the snapshot. */
export class ConnectionOrigin implements LastingOrigin {
  caller: CallerIdentity;
  fixed: Destination | null = null;
  gateway: GatewayTable | null = null;
  gatewayPolicies: PolicySet | null = null;
  readonly pin = null;
  readonly memo = new AuthorityMemo();
  readonly localIp: string;
  readonly localPort: number;
  readonly #connection: Downstream;
  /** Authority of a CONNECT, to be looked up again in every snapshot. */
  readonly #inside: string | null;
  #epoch = -1;

  constructor(connection: Downstream, inside: string | null) {
    this.#connection = connection;
    this.caller = connection.caller!;
    this.#inside = inside;
    this.localIp = connection.localIp;
    this.localPort = connection.entrance.port;
  }

  /** False: the connection cannot go on under the snapshot that is served now. */
  refresh(): boolean {
    const { host, entrance } = this.#connection;
    const { mesh } = host;
    if (this.#epoch === mesh.epoch) return true;
    if (this.caller.epoch !== mesh.epoch) {
      const caller = host.reattest(this.caller);
      if (!caller) return false;
      this.caller = caller;
      this.#connection.caller = caller;
    }
    const { record } = entrance;
    if (this.#inside !== null) this.fixed = mesh.resolve(this.#inside, this.caller.facts.namespace, 80);
    else if (record.role === "service") {
      this.fixed = mesh.service(record.service ?? "")?.portFor(record.servicePort ?? 0) ?? null;
    } else if (record.role === "inbound") this.fixed = mesh.inboundPort(record);
    const isFixed = this.#inside !== null || record.role === "service" || record.role === "inbound";
    if (isFixed && !this.fixed) return false;
    if (record.role === "gateway" && record.gateway) {
      this.gateway = mesh.gatewayTable(record.gateway);
      this.gatewayPolicies = mesh.policySet(record.gateway.policies, false);
    }
    this.#epoch = mesh.epoch;
    return true;
  }
}
