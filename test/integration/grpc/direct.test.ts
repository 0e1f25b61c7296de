/** The judges judge each other: gRPC's interop cases from grpc-js to grpc-js, with nothing in between. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CASE_NAMES } from "../../support/grpc/cases.ts";
import { type GrpcClient, GrpcPrograms, type GrpcServer } from "../../support/grpc/grpc-processes.ts";

let programs: GrpcPrograms;
let server: GrpcServer;
let client: GrpcClient;

beforeAll(async () => {
  programs = await GrpcPrograms.make();
  server = await programs.server("direct");
  client = programs.client();
});
afterAll(async () => {
  await client[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
  programs[Symbol.dispose]();
});

describe("without a mesh", () => {
  for (const name of CASE_NAMES) {
    test(`${name} passes`, async () => {
      const address = (port: number) => ({ address: `127.0.0.1:${port}` });
      const targets = { plain: address(server.port), compressing: address(server.compressingPort) };
      expect(await client.runCase(name, targets)).toBeUndefined();
    });
  }

  test("a case that must fail is told with its reason", async () => {
    const nobody = { address: `127.0.0.1:${server.compressingPort}` };
    expect(await client.runCase("empty_unary", { plain: nobody, compressing: nobody })).toContain("12 !== 0");
  });
});
