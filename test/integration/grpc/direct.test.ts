/** The judges judge each other: gRPC's interop cases from grpc-js to grpc-js, with nothing in between. */
import { expect, test } from "bun:test";
import { GrpcPrograms } from "../../support/grpc/grpc-processes.ts";
import { interopSuite } from "../../support/grpc/interop-suite.ts";

const direct = (port: number) => ({ address: `127.0.0.1:${port}` });

interopSuite("without a mesh", async (server) => ({
  targets: { plain: direct(server.port), compressing: direct(server.compressingPort) },
  async [Symbol.asyncDispose]() {},
}));

test("a case that must fail is told with its reason", async () => {
  using programs = await GrpcPrograms.make();
  await using server = await programs.server("other");
  await using client = programs.client();
  const wrong = direct(server.compressingPort);
  expect(await client.runCase("empty_unary", { plain: wrong, compressing: wrong })).toContain("12 !== 0");
});
