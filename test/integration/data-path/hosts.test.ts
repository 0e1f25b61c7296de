import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { answering, answerText, ask, getText, headerOf } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { backendDocs, doc, meshText, serviceDoc, workloadDoc } from "../../support/test-mesh.ts";
import { startWorker, type WorkerHarness } from "../../support/worker-harness.ts";

const servers: RawServer[] = [];
let worker: WorkerHarness;
let stranger: WorkerHarness;

function named(name: string): RawServer {
  const server = listenRaw(answering((request) => answerText(`${name} ${headerOf(request, "host")} ${request.line}`)));
  servers.push(server);
  return server;
}

beforeAll(async () => {
  const documents = [
    ...backendDocs("orders", named("prod").port),
    ...backendDocs("dev/orders", named("dev").port),
    // Port 80 among others; a single other port; several without 80.
    workloadDoc("many", named("many-80").port, { ports: { main: servers.at(-1)!.port, side: named("many-81").port } }),
    doc("v1", "Service", "many", {
      selector: { app: "many" },
      ports: [
        { name: "side", port: 8081, targetPort: "side", appProtocol: "http" },
        { name: "main", port: 80, targetPort: "main", appProtocol: "http" },
      ],
    }),
    workloadDoc("single", named("single").port),
    serviceDoc("single", {}, 8080),
    workloadDoc("unclear", named("unclear").port),
    doc("v1", "Service", "unclear", {
      selector: { app: "unclear" },
      ports: [
        { name: "a", port: 8001, targetPort: "main" },
        { name: "b", port: 8002, targetPort: "main" },
      ],
    }),
  ];
  const text = meshText({ documents });
  worker = await startWorker(text);
  stranger = await startWorker(
    text.replace(/"selectors":\[\["unix:uid:\d+"\]\],?/, '"selectors":[["unix:uid:4294967"]]'),
  );
});

afterAll(async () => {
  await worker[Symbol.asyncDispose]();
  await stranger[Symbol.asyncDispose]();
  for (const server of servers) server[Symbol.dispose]();
});

async function reached(host: string, through = worker): Promise<string> {
  const peer = await connectRaw({ port: through.outbound });
  const answer = await ask(peer, getText("/", host));
  peer.destroy();
  return answer.status === 200 ? answer.body.toString().split(" ")[0]! : String(answer.status);
}

describe("a caller reaches", () => {
  const names = ["orders", "orders.prod", "orders.prod.mesh", "orders.prod.svc", "orders.prod.svc.cluster.local"];
  for (const name of [...names, ...names.map((one) => `${one}:80`), "ORDERS.Prod.Svc"]) {
    test(`orders in its own namespace as ${name}`, async () => expect(await reached(name)).toBe("prod"));
  }
  test("another namespace by name", async () => expect(await reached("orders.dev")).toBe("dev"));
  test("port 80 where no port is given and there are several", async () =>
    expect(await reached("many")).toBe("many-80"));
  test("another port by number", async () => expect(await reached("many:8081")).toBe("many-81"));
  test("the only port where none is given", async () => expect(await reached("single")).toBe("single"));

  const nowhere = [
    "single:80",
    "orders:81",
    "unclear",
    "orders.staging",
    "order",
    "orders.prod.svc.cluster",
    "a.b.c.d",
    "127.0.0.1",
    "[::1]:80",
  ];
  for (const name of nowhere) {
    test(`nobody as ${name}`, async () => expect(await reached(name)).toBe("404"));
  }

  test("nobody by a short name where the caller has no identity, and everybody by the full one", async () => {
    expect(await reached("orders", stranger)).toBe("404");
    expect(await reached("orders.prod", stranger)).toBe("prod");
  });

  test("the authority of an absolute form, which becomes Host and path", async () => {
    const peer = await connectRaw({ port: worker.outbound });
    const answer = await ask(peer, "GET http://orders.dev/a?b=c HTTP/1.1\r\nHost: orders.dev\r\n\r\n");
    expect(answer.body.toString()).toBe("dev orders.dev GET /a?b=c HTTP/1.1");
    const bare = await ask(peer, "GET http://orders.dev HTTP/1.1\r\nHost: orders.dev\r\n\r\n");
    expect(bare.body.toString()).toBe("dev orders.dev GET / HTTP/1.1");
    const mismatch = await ask(peer, "GET http://orders.dev/ HTTP/1.1\r\nHost: orders.prod\r\n\r\n");
    expect(mismatch.status).toBe(400);
    peer.destroy();
  });
});
