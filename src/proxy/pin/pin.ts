import type { PolicySet } from "../../model/authz/policy-set.ts";
import type { GatewayTable } from "../../model/route/gateway-table.ts";
import type { RuleBackend } from "../../model/route/rule.ts";
import type { ServicePort, Target } from "../mesh/destination.ts";
import type { Mesh } from "../mesh/mesh.ts";
import { type PinText, parsePin } from "./pin-text.ts";

/** Most pins remembered of a generation. Reason: a few for each endpoint of this node; others come from a node that tries. */
export const PINS_REMEMBERED_MAX = 4096;

/** The Gateway's listener through which a request came in at another node. */
export interface PinnedGateway {
  readonly table: GatewayTable;
  readonly policies: PolicySet;
  readonly port: number;
  /** Its address, `""` where it listens at any. */
  readonly ip: string;
}

/**
 * What another node has chosen, found in the documents of this one. Whether the request's route leads there is not known yet:
 * see `pinnedBackend`.
 */
export interface Pin {
  /** What was asked for; exactly one of these two is there. */
  readonly parent: ServicePort | null;
  readonly gateway: PinnedGateway | null;
  /** Of this node. */
  readonly target: Target;
  readonly port: ServicePort;
  readonly occurrence: number;
}

/** How many backends before this one are the same Service and port. */
export function occurrenceOf(backends: readonly RuleBackend[], backend: RuleBackend): number {
  let before = 0;
  for (const one of backends) {
    if (one === backend) break;
    if (one.service === backend.service && one.port === backend.port) before++;
  }
  return before;
}

/** The position of the pinned backend among those of the rule that matched; -1: the rule does not lead there. */
export function pinnedBackend(pin: Pin, backends: readonly RuleBackend[]): number {
  const { service, record } = pin.port;
  let left = pin.occurrence;
  for (let at = 0; at < backends.length; at++) {
    const backend = backends[at]!;
    if (backend.service === service.record.key && backend.port === record.port && left-- === 0) return at;
  }
  return -1;
}

/** Pins by their text, under the snapshot that is served. One per worker. */
export class Pins {
  readonly #mesh: Mesh;
  #epoch = -1;
  #known = new Map<string, Pin | null>();

  constructor(mesh: Mesh) {
    this.#mesh = mesh;
  }

  /** `null` for what is no pin, and for one that names anything that this node's documents do not have. */
  find(text: string): Pin | null {
    if (this.#epoch !== this.#mesh.epoch) {
      this.#epoch = this.#mesh.epoch;
      this.#known = new Map();
    }
    const found = this.#known.get(text);
    if (found !== undefined) return found;
    const parsed = parsePin(text);
    const pin = parsed && resolvePin(this.#mesh, parsed);
    if (this.#known.size < PINS_REMEMBERED_MAX) this.#known.set(text, pin);
    return pin;
  }
}

function resolvePin(mesh: Mesh, text: PinText): Pin | null {
  const port = mesh.service(text.backend)?.portFor(text.backendPort);
  const target = port?.targets.find((one) => one.node === "" && one.pinned === text.endpoint);
  if (!port || !target) return null;
  const chosen = { target, port, occurrence: text.occurrence };
  if (text.gateway !== "") {
    const record = mesh.gatewayListener(text.gateway);
    if (!record?.gateway) return null;
    const gateway = {
      table: mesh.gatewayTable(record.gateway),
      policies: mesh.policySet(record.gateway.policies, false),
      port: record.port,
      ip: isAnyAddress(record.hostname) ? "" : record.hostname,
    };
    return { parent: null, gateway, ...chosen };
  }
  const parent = mesh.service(text.parent)?.portFor(text.parentPort);
  return parent ? { parent, gateway: null, ...chosen } : null;
}

function isAnyAddress(hostname: string): boolean {
  return hostname === "0.0.0.0" || hostname === "::";
}
