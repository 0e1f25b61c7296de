/** gRPC's interop cases through a worker: h2c by prior knowledge to its outbound listener, `grpc` behind it. */
import { interopSuite } from "../../support/grpc/interop-suite.ts";
import { meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker } from "../../support/worker-harness.ts";

const PORT = 50_051;

interopSuite("through one hop", async (server) => {
  const behind = (name: string, port: number) => [workloadDoc(name, port), serviceDoc(name, {}, PORT, "grpc")];
  const documents = [...behind("plain", server.port), ...behind("compressing", server.compressingPort)];
  const worker = await startWorker(meshText({ documents }));
  const target = (name: string) => ({ address: `127.0.0.1:${worker.outbound}`, authority: `${name}.prod:${PORT}` });
  return {
    targets: { plain: target("plain"), compressing: target("compressing") },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
});
