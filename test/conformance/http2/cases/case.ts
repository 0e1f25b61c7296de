/** What cases are made of. */
import { type Bytes, block, FLAG, FRAME, frame, headers, POST, REQUEST } from "../../../support/http2-frames.ts";

/** `fine`, `connection CODE` or `stream ID CODE`. */
export type Case = readonly [name: string, frames: readonly Bytes[], verdict: string];

export const OPEN = FLAG.END_HEADERS;
export const ENDED = FLAG.END_HEADERS | FLAG.END_STREAM;
export const protocolError = "connection PROTOCOL_ERROR";
export const sizeError = "connection FRAME_SIZE_ERROR";
export const closed = "connection STREAM_CLOSED";
export const malformed = "stream 1 PROTOCOL_ERROR";
export const compressionError = "connection COMPRESSION_ERROR";
export const flowError = "connection FLOW_CONTROL_ERROR";

/** A request with other or more fields. */
export const withFields = (...fields: readonly (readonly [string, string])[]) => headers(1, [...REQUEST, ...fields]);
/** A request without one of its pseudo-header fields. */
export const without = (name: string) =>
  headers(
    1,
    REQUEST.filter(([other]) => other !== name),
  );
export const replaced = (name: string, value: string) =>
  headers(
    1,
    REQUEST.map(([other, old]) => [other, other === name ? value : old]),
  );
export const rawBlock = (...bytes: number[]) => frame(FRAME.HEADERS, ENDED, 1, [...block(REQUEST), ...bytes]);
export const post = (...fields: readonly (readonly [string, string])[]) => headers(1, [...POST, ...fields], OPEN);
export const padded = (type: number, flags: number, id: number, padding: number, payload: Bytes) =>
  frame(type, flags | FLAG.PADDED, id, [padding, ...payload]);

/** Cases by section of an RFC. */
export type Cases = Readonly<Record<string, readonly Case[]>>;
