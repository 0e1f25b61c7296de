import { FieldList } from "../../src/wire/hpack/field-list.ts";
import { RequestHead, ResponseHead } from "../../src/wire/http1/head.ts";
import { type ConnectionOptions, type HeadScratch, ROLE } from "../../src/wire/http2/connection-state.ts";

/** Largest header list of test connections, in bytes. */
export const LIST_BYTES = 32 * 1024;

/** A worker's worth of head scratch. */
export function headScratch(listBytes = LIST_BYTES): HeadScratch {
  const request = new RequestHead();
  const response = new ResponseHead();
  return {
    request,
    requestFields: new FieldList(request.lines, listBytes),
    response,
    responseFields: new FieldList(response.lines, listBytes),
  };
}

export const SERVER_OPTIONS: ConnectionOptions = {
  role: ROLE.SERVER,
  streamsMax: 100,
  streamWindowBytes: 65_535,
  connectionWindowBytes: 1024 * 1024,
  tableBytes: 4096,
  allowsWebsocket: true,
};

export const CLIENT_OPTIONS: ConnectionOptions = { ...SERVER_OPTIONS, role: ROLE.CLIENT };
