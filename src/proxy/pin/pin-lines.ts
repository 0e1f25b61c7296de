import type { GatewayTable } from "../../model/route/gateway-table.ts";
import type { ServicePort, Target } from "../mesh/destination.ts";
import { printPin } from "./pin-text.ts";

/** Most lines remembered of one pin. Reason: one for each workload that calls, and for each connection to the node. */
const LINES_REMEMBERED_MAX = 256;

/** What was asked for: a port of a Service, or a Gateway's listener. */
export type PinParent = ServicePort | GatewayTable;

/** The lines of a head that tell another node what was chosen, ready to be written. One for each choice, kept with its target. */
export class PinLines {
  readonly parent: PinParent;
  readonly occurrence: number;
  readonly #pin: string;
  readonly #byHandle = new Map<number, Buffer>();

  constructor(target: Target, parent: PinParent, occurrence: number) {
    const { port } = target;
    if (port.kind !== "service") throw new TypeError("only endpoints of the mesh live on another node");
    this.parent = parent;
    this.occurrence = occurrence;
    this.#pin = printPin({
      ...("record" in parent
        ? { parent: parent.service.record.key, parentPort: parent.record.port, gateway: "" }
        : { parent: "", parentPort: 0, gateway: parent.name }),
      backend: port.service.record.key,
      backendPort: port.record.port,
      occurrence,
      endpoint: target.pinned,
    });
  }

  /** @param handle of the caller's proof on the connection that will be used. */
  as(handle: number): Buffer {
    let lines = this.#byHandle.get(handle);
    if (!lines) {
      lines = Buffer.from(`x-selvedge-as: ${handle}\r\nx-selvedge-to: ${this.#pin}\r\n`, "latin1");
      // Handles go with their connections; those that are in use come back at once.
      if (this.#byHandle.size >= LINES_REMEMBERED_MAX) this.#byHandle.clear();
      this.#byHandle.set(handle, lines);
    }
    return lines;
  }
}

const known = new WeakMap<Target, PinLines[]>();

/**
 * The pin of a target that was chosen for `parent`; made once per choice of a generation.
 *
 * @param occurrence see `PinText`
 */
export function pinLines(target: Target, parent: PinParent, occurrence: number): PinLines {
  let list = known.get(target);
  if (!list) {
    list = [];
    known.set(target, list);
  }
  let lines = list.find((one) => one.parent === parent && one.occurrence === occurrence);
  if (!lines) {
    lines = new PinLines(target, parent, occurrence);
    list.push(lines);
  }
  return lines;
}
