import { METHOD } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";
import type { SharedHeads } from "../http2/shared-heads.ts";

/**
 * How the two ends of a tunnel talk to each other besides the streams that they carry. Applications can never send such a
 * request: lines that begin with `x-selvedge-` are taken off what they send, and every stream carried for one has AS_LINE.
 */
export const CONTROL_AUTHORITY = "selvedge";
/** Present on requests between the two ends, and on nothing else. */
export const CONTROL_LINE = "x-selvedge-control";
/** Present on every stream that is carried for somebody: the number of the stream that proved who it is. */
export const AS_LINE = "x-selvedge-as";
/** In a proof: key of the WorkloadRecord, to tell apart those that share a service account. */
export const WORKLOAD_LINE = "x-selvedge-workload";

/** Path of a proof. */
export const PROOF_PATH = "/selvedge/proof";
/** What the path of a message between keepers begins with; its kind follows in decimal. */
export const PEER_PATH = "/selvedge/peer/";

/** What a request between the two ends asks for. */
export type ControlRequest =
  | { readonly kind: "proof"; readonly workload: string }
  | { readonly kind: "peer"; readonly messageKind: number }
  | { readonly kind: "unknown" };

const KIND_MAX = 0xffff_ffff;

/** What the head in `heads.request` asks for, or `null` where it is no request between the two ends. */
export function controlRequestOf(heads: SharedHeads): ControlRequest | null {
  const { request, requestBytes } = heads;
  // Nearly every request is somebody's: told by a number or two.
  if (request.method !== METHOD.POST) return null;
  if (request.authorityEnd - request.authorityStart !== CONTROL_AUTHORITY.length) return null;
  if (latin1(requestBytes, request.authorityStart, request.authorityEnd) !== CONTROL_AUTHORITY) return null;
  if (lineOf(heads, CONTROL_LINE) === undefined || lineOf(heads, AS_LINE) !== undefined) return null;
  const path = latin1(requestBytes, request.targetStart, request.targetEnd);
  if (path === PROOF_PATH) return { kind: "proof", workload: lineOf(heads, WORKLOAD_LINE) ?? "" };
  const digits = path.startsWith(PEER_PATH) ? path.slice(PEER_PATH.length) : "";
  const isNumber = /^(?:0|[1-9][0-9]{0,9})$/.test(digits) && Number(digits) <= KIND_MAX;
  return isNumber ? { kind: "peer", messageKind: Number(digits) } : { kind: "unknown" };
}

/** Value of the only line of this name in the head in `heads.request`; `undefined` where there is none or more than one. */
export function lineOf(heads: SharedHeads, name: string): string | undefined {
  const { request, requestBytes } = heads;
  const { lines } = request;
  let found: string | undefined;
  for (let i = 0; i < lines.count; i++) {
    const start = lines.nameStart[i]!;
    const end = lines.nameEnd[i]!;
    if (end - start !== name.length || latin1(requestBytes, start, end).toLowerCase() !== name) continue;
    if (found !== undefined) return undefined;
    found = latin1(requestBytes, lines.valueStart[i]!, lines.valueEnd[i]!);
  }
  return found;
}

/** The head of a request between the two ends. @param workload `""` = none. */
export function controlHead(path: string, length: number, workload: string): Buffer {
  const named = workload === "" ? "" : `${WORKLOAD_LINE}: ${workload}\r\n`;
  return Buffer.from(
    `POST ${path} HTTP/1.1\r\nhost: ${CONTROL_AUTHORITY}\r\n${CONTROL_LINE}: 1\r\n${named}content-length: ${length}\r\n\r\n`,
    "latin1",
  );
}

/** The head of an answer to one. */
export function controlAnswerHead(status: number, length: number): Buffer {
  return Buffer.from(`HTTP/1.1 ${status} X\r\ncontent-length: ${length}\r\n\r\n`, "latin1");
}
