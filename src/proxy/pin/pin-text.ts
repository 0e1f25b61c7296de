/**
 * What the node of a caller tells the node of an endpoint about a stream, in two lines of its head: which workload speaks
 * (`x-selvedge-as`, the handle of its proof), and what was chosen (`x-selvedge-to`, the pin). The destination's node believes
 * neither: it decides again, and only where it comes to the same may the stream go on.
 */

/** Longest pin. Reason: three keys of the longest names Kubernetes allows, and the path of a unix socket. */
export const PIN_BYTES_MAX = 2048;

/** Largest handle: a stream id of HTTP/2. */
export const HANDLE_MAX = 2 ** 31 - 1;

/** Handle under which a node speaks for callers of a Gateway, who have no identity. */
export const HANDLE_OF_GATEWAY = 0;

/** Most backends of a rule that may be the same Service and port; one more is not told apart. Reason: Gateway API allows 16 backends. */
const OCCURRENCE_MAX = 255;

/** A pin, taken apart. Nothing of it is known to exist. */
export interface PinText {
  /** Key of the Service that was asked for; `""` where `gateway` is set. */
  readonly parent: string;
  /** 0 where `gateway` is set. */
  readonly parentPort: number;
  /** Name of the Gateway's listener (`namespace/name/listener`), or `""`. */
  readonly gateway: string;
  /** Key of the Service whose endpoint was chosen. */
  readonly backend: string;
  readonly backendPort: number;
  /** Which of the rule's backends with this Service and port, from 0: they may differ in their filters. */
  readonly occurrence: number;
  /** The endpoint's key as `pinnedEndpoint` spells it. */
  readonly endpoint: string;
}

/** Visible ASCII but for the percent sign: what stands in a pin as it is. */
const ODD = /[^\x21-\x24\x26-\x7e]/gu;
// No part may match what the next one begins with: a text made to fail must not be tried in every way to cut it.
const VISIBLE = /^[ -~]*$/;
const SERVICE = /^(service\/[^/:]+\/[^/:]+):([1-9][0-9]{0,4})$/;
const BACKEND = /^(service\/[^/:]+\/[^/:]+):([1-9][0-9]{0,4})(?:#([1-9][0-9]{0,2}))?$/;
const GATEWAY = /^gateway\/([^/]+\/[^/]+\/[^/]+)$/;
const ENDPOINT_BYTES_MAX = 1024;

/** An endpoint's key as it stands in a pin: without blanks, whatever the path of a unix socket holds. */
export function pinnedEndpoint(key: string): string {
  return key.replace(ODD, percentEncoded);
}

/** The value of `x-selvedge-to`. */
export function printPin(pin: PinText): string {
  const parent = pin.gateway === "" ? `${pin.parent}:${pin.parentPort}` : `gateway/${pin.gateway}`;
  const which = pin.occurrence === 0 ? "" : `#${pin.occurrence}`;
  return `${parent} ${pin.backend}:${pin.backendPort}${which} ${pin.endpoint}`;
}

/** Reads the value of `x-selvedge-to`; `null` for anything that `printPin` does not write. */
export function parsePin(text: string): PinText | null {
  if (text.length > PIN_BYTES_MAX || !VISIBLE.test(text)) return null;
  const parts = text.split(" ");
  if (parts.length !== 3) return null;
  const [from, to, endpoint] = parts as [string, string, string];
  const backend = BACKEND.exec(to);
  if (!backend || endpoint === "" || endpoint.length > ENDPOINT_BYTES_MAX) return null;
  const chosen = {
    backend: backend[1]!,
    backendPort: Number(backend[2]),
    occurrence: Number(backend[3] ?? 0),
    endpoint,
  };
  if (!isPort(chosen.backendPort) || chosen.occurrence > OCCURRENCE_MAX) return null;
  const gateway = GATEWAY.exec(from);
  if (gateway) return { parent: "", parentPort: 0, gateway: gateway[1]!, ...chosen };
  const parent = SERVICE.exec(from);
  const parentPort = Number(parent?.[2] ?? 0);
  return parent && isPort(parentPort) ? { parent: parent[1]!, parentPort, gateway: "", ...chosen } : null;
}

/** Reads the value of `x-selvedge-as` at `bytes[start, end)`: a handle without sign, blanks or leading zeros; -1 for anything else. */
export function parseHandle(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start;
  if (length < 1 || length > 10) return -1;
  let handle = 0;
  for (let at = start; at < end; at++) {
    const digit = bytes[at]! - 48;
    if (digit < 0 || digit > 9) return -1;
    handle = handle * 10 + digit;
  }
  const hasLeadingZero = length > 1 && bytes[start] === 48;
  return hasLeadingZero || handle > HANDLE_MAX ? -1 : handle;
}

function percentEncoded(text: string): string {
  let encoded = "";
  for (const byte of new TextEncoder().encode(text)) encoded += `%${byte.toString(16).padStart(2, "0").toUpperCase()}`;
  return encoded;
}

function isPort(port: number): boolean {
  return port >= 1 && port <= 65_535;
}
