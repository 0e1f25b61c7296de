import { describe, expect, test } from "bun:test";
import { status } from "@grpc/grpc-js";
import { FLAG, RESPONSE_FLAGS, type ResponseFlag } from "../../../src/model/response-flags.ts";
import { GRPC_STATUS, grpcStatusFor, grpcStatusIn, NO_GRPC_STATUS } from "../../../src/proxy/exchange/grpc.ts";

/** How the mesh fails, with the status that HTTP callers get for it, and the name that gRPC has for that. */
const FAILURES: readonly (readonly [ResponseFlag, number, keyof typeof status])[] = [
  ["DPE", 400, "INTERNAL"],
  ["NR", 404, "UNIMPLEMENTED"],
  ["RBAC", 403, "PERMISSION_DENIED"],
  ["CALLS", 403, "PERMISSION_DENIED"],
  ["UH", 503, "UNAVAILABLE"],
  ["UF", 503, "UNAVAILABLE"],
  ["UC", 503, "UNAVAILABLE"],
  ["UO", 503, "UNAVAILABLE"],
  ["LISTENER_MISMATCH", 503, "UNAVAILABLE"],
  ["UPE", 502, "UNAVAILABLE"],
  ["UT", 504, "DEADLINE_EXCEEDED"],
  ["SI", 504, "DEADLINE_EXCEEDED"],
];

describe("a failure of the mesh", () => {
  test.each(FAILURES)("%s, over HTTP %i, is %s to a gRPC caller", (flag, httpStatus, name) => {
    expect(status[grpcStatusFor(httpStatus, FLAG[flag as keyof typeof FLAG])]).toBe(name);
  });

  test("is never an OK, whatever its flag and status are", () => {
    for (let flag = 0; flag < RESPONSE_FLAGS.length; flag++)
      for (let httpStatus = 300; httpStatus < 600; httpStatus++)
        expect(grpcStatusFor(httpStatus, flag)).toBeGreaterThan(status.OK);
  });

  test("without a flag is what gRPC's own list makes of the HTTP status", () => {
    const named = (httpStatus: number) => status[grpcStatusFor(httpStatus, 0)];
    expect([400, 401, 403, 404, 429, 502, 503, 504, 418, 500].map(named)).toEqual([
      ...["INTERNAL", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNIMPLEMENTED"],
      ...["UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE", "UNAVAILABLE", "UNKNOWN", "UNKNOWN"],
    ]);
  });

  test("has the numbers that gRPC has", () => {
    for (const [name, number] of Object.entries(GRPC_STATUS)) expect(status[number]).toBe(name);
  });
});

describe("a status in trailers", () => {
  test.each([
    ["grpc-status: 0\r\n", 0],
    ["x: y\r\nGrpc-Status:16\r\ngrpc-message: m\r\n", 16],
    ["grpc-status: 17\r\n", NO_GRPC_STATUS],
    ["grpc-status: 007\r\n", NO_GRPC_STATUS],
    ["grpc-status: -1\r\n", NO_GRPC_STATUS],
    ["grpc-status: \r\n", NO_GRPC_STATUS],
    ["grpc-status: 5 \r\n", NO_GRPC_STATUS],
    ["x-grpc-status: 5\r\n", NO_GRPC_STATUS],
    ["grpc-status-details: 5\r\n", NO_GRPC_STATUS],
    ["", NO_GRPC_STATUS],
  ])("%j is %i", (trailers, expected) => {
    const bytes = Buffer.from(`before${trailers}behind`);
    expect(grpcStatusIn(bytes, "before".length, "before".length + trailers.length)).toBe(expected);
  });
});
