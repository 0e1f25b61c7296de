/** The interop cases as tests, the same whatever lies between client and server. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CASE_NAMES, type Targets } from "./cases.ts";
import { type GrpcClient, GrpcPrograms, type GrpcServer } from "./grpc-processes.ts";

/** What lies in between, started. */
export interface Between extends AsyncDisposable {
  readonly targets: Targets;
}

/**
 * Declares a test for every case.
 * @param start puts something in front of a server; the suite disposes of it.
 */
export function interopSuite(where: string, start: (server: GrpcServer) => Promise<Between>): void {
  describe(where, () => {
    let programs: GrpcPrograms;
    let server: GrpcServer;
    let between: Between;
    let client: GrpcClient;

    beforeAll(async () => {
      programs = await GrpcPrograms.make();
      server = await programs.server("interop");
      between = await start(server);
      client = programs.client();
    });
    afterAll(async () => {
      await client[Symbol.asyncDispose]();
      await between[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
      programs[Symbol.dispose]();
    });

    for (const name of CASE_NAMES) {
      test(`${name} passes`, async () => {
        expect(await client.runCase(name, between.targets)).toBeUndefined();
      });
    }
  });
}
