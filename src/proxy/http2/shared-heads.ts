import { FieldList } from "../../wire/hpack/field-list.ts";
import { HEAD_BYTES_MAX, RequestHead, ResponseHead } from "../../wire/http1/head.ts";
import type { HeadScratch } from "../../wire/http2/connection-state.ts";
import { TUNNEL_ANSWER_BOUNDS, TUNNEL_REQUEST_BOUNDS } from "../../wire/http2/limits.ts";

/** Where the heads of all HTTP/2 connections of a worker are read into; each holds until the next frame is looked at. */
export class SharedHeads implements HeadScratch {
  readonly request = new RequestHead(TUNNEL_REQUEST_BOUNDS.lines);
  readonly requestFields = new FieldList(this.request.lines, HEAD_BYTES_MAX, TUNNEL_REQUEST_BOUNDS.listBytes);
  readonly response = new ResponseHead(TUNNEL_ANSWER_BOUNDS.lines);
  readonly responseFields = new FieldList(this.response.lines, HEAD_BYTES_MAX, TUNNEL_ANSWER_BOUNDS.listBytes);
  /** The memory of `requestFields` and `responseFields`, as the writers of heads want it. */
  readonly requestBytes = bufferOver(this.requestFields.bytes);
  readonly responseBytes = bufferOver(this.responseFields.bytes);
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
