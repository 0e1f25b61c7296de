import type { PolicySet } from "../../model/authz/policy-set.ts";
import type { GatewayTable } from "../../model/route/gateway-table.ts";
import type { CallerIdentity } from "../caller.ts";
import { AuthorityMemo } from "../exchange/authority-memo.ts";
import type { DecisionMemo } from "../exchange/decision-memo.ts";
import type { StreamOrigin } from "../http2/stream-origins.ts";
import type { Destination } from "../mesh/destination.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { Pin, Pins } from "../pin/pin.ts";

/** What an origin needs of the worker. */
export interface RemoteOriginHost {
  readonly mesh: Mesh;
  readonly pins: Pins;
}

/** Who speaks under the snapshot that is served; `null`: nobody who is believed any more. */
export type AskCaller = () => CallerIdentity | null;

let nextSalt = 0;

/** Where streams of another node come from that name one caller and one pin. Kept up to date with the snapshot. */
export class RemoteOrigin implements StreamOrigin {
  caller: CallerIdentity;
  pin: Pin;
  fixed: Destination | null = null;
  gateway: GatewayTable | null = null;
  gatewayPolicies: PolicySet | null = null;
  localPort = 0;
  /** What the caller called, as far as the documents say: the Service's own address, or the Gateway's. */
  localIp = "";
  readonly memo = new AuthorityMemo();
  readonly decisions: DecisionMemo | null;
  readonly salt = nextSalt++;
  readonly #host: RemoteOriginHost;
  readonly #ask: AskCaller;
  readonly #text: string;
  #epoch: number;

  private constructor(
    host: RemoteOriginHost,
    ask: AskCaller,
    text: string,
    caller: CallerIdentity,
    pin: Pin,
    decisions: DecisionMemo | null,
  ) {
    this.decisions = decisions;
    this.#host = host;
    this.#ask = ask;
    this.#text = text;
    this.#epoch = host.mesh.epoch;
    this.caller = caller;
    this.pin = pin;
    this.#follow(pin);
  }

  /**
   * `null` where the pin is none that the served documents know.
   *
   * @param text of the pin. @param decisions of the tunnel, where this origin serves more than one request.
   */
  static make(
    host: RemoteOriginHost,
    ask: AskCaller,
    text: string,
    caller: CallerIdentity,
    decisions: DecisionMemo | null = null,
  ): RemoteOrigin | null {
    const pin = host.pins.find(text);
    return pin && new RemoteOrigin(host, ask, text, caller, pin, decisions);
  }

  /** What it is about is over: see `RemoteCallers`. */
  isOver = false;

  /** Nothing has to be looked up before it serves another request. */
  get isCurrent(): boolean {
    return !this.isOver && this.#epoch === this.#host.mesh.epoch;
  }

  refresh(): boolean {
    const { mesh, pins } = this.#host;
    if (this.isOver) return false;
    if (this.#epoch === mesh.epoch) return true;
    const caller = this.#ask();
    const pin = caller && pins.find(this.#text);
    if (!caller || !pin) return false;
    this.caller = caller;
    this.pin = pin;
    this.#follow(pin);
    this.#epoch = mesh.epoch;
    return true;
  }

  #follow(pin: Pin): void {
    this.fixed = pin.parent;
    this.gateway = pin.gateway?.table ?? null;
    this.gatewayPolicies = pin.gateway?.policies ?? null;
    this.localPort = pin.gateway?.port ?? 0;
    this.localIp = pin.gateway?.ip ?? pin.parent?.service.record.clusterIP ?? "";
  }
}
