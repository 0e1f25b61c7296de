/** Header blocks (RFC 9113 4.3, RFC 7541). */
import { block, continuation, data, FRAME, frame, headers, priority, REQUEST } from "../../../support/http2-frames.ts";
import { type Cases, compressionError, ENDED, protocolError, rawBlock } from "./case.ts";

export const COMPRESSION_CASES: Cases = {
  "4.3 header compression": [
    ["a block that is no block", [rawBlock(0xff, 0xff, 0xff, 0xff, 0xff)], compressionError],
    ["a block with an index of nothing", [rawBlock(0xc5)], compressionError],
    [
      "PRIORITY between HEADERS and CONTINUATION",
      [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), priority(1)],
      protocolError,
    ],
    ["HEADERS of another stream between them", [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), headers(3)], protocolError],
    ["DATA between them", [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), data(1, "x")], protocolError],
    ["an unknown frame between them", [frame(FRAME.HEADERS, 0, 1, block(REQUEST)), frame(0x16, 0, 0)], protocolError],
    [
      "a block in three parts",
      [
        frame(FRAME.HEADERS, 1, 1, block(REQUEST).slice(0, 9)),
        continuation(1, block(REQUEST).slice(9, 20), 0),
        continuation(1, block(REQUEST).slice(20)),
      ],
      "fine",
    ],
  ],
  "RFC 7541 2.3.3 index": [
    ["behind both tables", [rawBlock(0xff, 0x00)], compressionError],
    ["of a name behind both tables", [rawBlock(0x7f, 0x20, 0x01, 0x61)], compressionError],
    ["of 0", [rawBlock(0x80)], compressionError],
  ],
  "RFC 7541 4.2 table size": [
    ["changed in the middle of a block", [rawBlock(0x20)], compressionError],
    ["changed at the end of a block", [rawBlock(0x82, 0x20)], compressionError],
    ["changed twice at its start", [frame(FRAME.HEADERS, ENDED, 1, [0x20, 0x3f, 0x45, ...block(REQUEST)])], "fine"],
    ["changed three times", [frame(FRAME.HEADERS, ENDED, 1, [0x20, 0x20, 0x20, ...block(REQUEST)])], compressionError],
  ],
  "RFC 7541 5.2 strings": [
    ["longer than the block", [rawBlock(0x00, 0x7f, 0x10, 0x61)], compressionError],
    ["with the end-of-string symbol", [rawBlock(0x00, 0x01, 0x61, 0x84, 0xff, 0xff, 0xff, 0xff)], compressionError],
    ["padded with more than seven bits", [rawBlock(0x00, 0x01, 0x61, 0x83, 0x1c, 0x64, 0xff)], compressionError],
    ["padded with zeros", [rawBlock(0x00, 0x01, 0x61, 0x81, 0x18)], compressionError],
  ],
  "RFC 7541 6.1 and 6.3": [
    [
      "a table above what was announced",
      [frame(FRAME.HEADERS, ENDED, 1, [0x3f, 0xe2, 0x1f, ...block(REQUEST)])],
      compressionError,
    ],
    ["a table of what was announced", [frame(FRAME.HEADERS, ENDED, 1, [0x3f, 0xe1, 0x1f, ...block(REQUEST)])], "fine"],
    ["an integer without end", [rawBlock(0x3f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)], compressionError],
  ],
};
