import { FieldList } from "../../wire/hpack/field-list.ts";
import { HEAD_BYTES_MAX, RequestHead, ResponseHead } from "../../wire/http1/head.ts";
import type { HeadScratch } from "../../wire/http2/connection-state.ts";

/** Where the heads of all HTTP/2 connections of a worker are read into; each holds until the next frame is looked at. */
export class SharedHeads implements HeadScratch {
  readonly request = new RequestHead();
  readonly requestFields = new FieldList(this.request.lines, HEAD_BYTES_MAX);
  readonly response = new ResponseHead();
  readonly responseFields = new FieldList(this.response.lines, HEAD_BYTES_MAX);
  /** The memory of `requestFields` and `responseFields`, as the writers of heads want it. */
  readonly requestBytes = bufferOver(this.requestFields.bytes);
  readonly responseBytes = bufferOver(this.responseFields.bytes);
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
