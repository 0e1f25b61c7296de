/** What `why` proposes for a call between nodes: nothing that goes by an address, which is another one on the other node. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { type WhyAnswer, why } from "../../../src/admin/why.ts";
import { answering, answerText, ask, getText, headerOf } from "../../support/raw-http.ts";
import { connectRaw, listenRaw, type RawServer } from "../../support/raw-peer.ts";
import { policyDoc, serviceDoc } from "../../support/test-mesh.ts";
import {
  type NodeName,
  nodeWorkload,
  type PairMesh,
  pairPort,
  pairText,
  startPair,
  type TunnelPair,
} from "../../support/tunnel-pair.ts";
import { until } from "../../support/until.ts";
import { compileYaml, type WorkerHarness } from "../../support/worker-harness.ts";

let upstream: RawServer;
let pair: TunnelPair;

const documents = () => [nodeWorkload("orders", "till-2", upstream.port), serviceDoc("orders")];
const onlyOffice = (principals: readonly string[]) =>
  policyDoc("office", "orders", "ALLOW", [
    { from: [{ source: { ipBlocks: ["10.0.0.0/8"], ...(principals.length > 0 && { principals }) } }] },
  ]);

beforeAll(async () => {
  upstream = listenRaw(answering(() => answerText("orders")));
  pair = await startPair({ documents: documents() });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  upstream[Symbol.dispose]();
});

/** Calls, is refused, and asks a node why. */
async function refusal(mesh: PairMesh, worker: WorkerHarness, node: NodeName): Promise<WhyAnswer> {
  const peer = await connectRaw({ port: pair.source.outbound });
  const answer = await ask(peer, getText("/", "orders.prod"));
  peer.destroy();
  expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([403, "RBAC"]);
  const id = headerOf(answer, "x-selvedge-id");
  const record = await until(() => worker.records().find((one) => one.id === id), "the record");
  return why(record, compileYaml(pairText(mesh, node, pairPort()), node));
}

describe("a caller without identity", () => {
  const selectors = [["unix:uid:4000000"]];
  const cannot = "whoever has no identity calls other nodes through a Gateway only, whatever policies allow";

  test("whom every policy would let in is told that nobody crosses without one", async () => {
    const mesh = { selectors, documents: documents() };
    await pair.apply(mesh, "till-1");
    const answer = await refusal(mesh, pair.source, "till-1");
    expect(answer.change).toBeUndefined();
    expect(answer.notes).toEqual([cannot]);
  });

  test("is not to be let in by an address", async () => {
    const mesh = { selectors, documents: [...documents(), onlyOffice([])] };
    await pair.apply(mesh, "till-1");
    const answer = await refusal(mesh, pair.source, "till-1");
    expect(answer.change?.sentence).toBe(
      "no policy lets a caller without identity reach another node: give its Workload selectors that recognise it, " +
        "or let it come through a Gateway, then allow it in policy prod/office",
    );
    expect(answer.change?.yaml).toBe("");
    expect(answer.notes).toEqual([cannot]);
  });
});

describe("a caller with one", () => {
  const PRINCIPAL = "cluster.local/ns/prod/sa/web";

  test("is to be let in by it, on both nodes, and not by the address of its node", async () => {
    const mesh = { documents: [...documents(), onlyOffice([PRINCIPAL])] };
    const isByPrincipal = ({ change }: WhyAnswer): void => {
      expect(change?.sentence).toBe("add a rule to policy prod/office");
      expect(change?.yaml).toContain(PRINCIPAL);
      expect(change?.yaml).not.toContain("ipBlocks");
    };
    await pair.apply(mesh);
    isByPrincipal(await refusal(mesh, pair.source, "till-1"));
    // Once the first node lets it through, the second one says so.
    await pair.apply({ documents: documents() }, "till-1");
    isByPrincipal(await refusal(mesh, pair.there, "till-2"));
  });
});
