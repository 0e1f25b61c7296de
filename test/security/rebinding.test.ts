/** A declared host outside the mesh is no way back into this machine when its name comes to stand for it. */
import { expect, test } from "bun:test";
import { hostname } from "node:os";
import { answering, answerText, ask, getText, headerOf } from "../support/raw-http.ts";
import { connectRaw, listenRaw } from "../support/raw-peer.ts";
import { doc, ISTIO_NETWORKING, meshText } from "../support/test-mesh.ts";
import { startWorker } from "../support/worker-harness.ts";

/** The machine's own name stands for the machine itself: what a name of somebody else's may come to stand for, too. */
const OWN_NAME = hostname();
const OWN_NAME_ADDRESSES = await Bun.dns.lookup(OWN_NAME, { family: 4 }).then(
  (found) => found.map((one) => one.address),
  () => [],
);
const isOwnNameKnown = OWN_NAME_ADDRESSES.some((address) => address.startsWith("127."));

function entryDoc(port: number, more: object) {
  const ports = [{ number: 80, name: "main", protocol: "HTTP", targetPort: port }];
  const spec = { hosts: ["api.pay.example"], ports, location: "MESH_EXTERNAL", ...more };
  return doc(ISTIO_NETWORKING, "ServiceEntry", "api", spec);
}

test.skipIf(!isOwnNameKnown)("nothing is sent to whoever listens there", async () => {
  using victim = listenRaw(
    answering(() => answerText("reached")),
    { hostname: "0.0.0.0" },
  );
  const more = { resolution: "DNS", endpoints: [{ address: OWN_NAME }] };
  await using worker = await startWorker(meshText({ documents: [entryDoc(victim.port, more)] }));
  const peer = await connectRaw({ port: worker.outbound });
  const answer = await ask(peer, getText("/", "api.pay.example"));
  peer.destroy();
  expect([answer.status, headerOf(answer, "x-selvedge-reason")]).toEqual([503, "LISTENER_MISMATCH"]);
});

test("an address that the documents name is called, the machine's own too", async () => {
  using friend = listenRaw(answering(() => answerText("reached")));
  const more = { resolution: "STATIC", endpoints: [{ address: "127.0.0.1" }] };
  await using worker = await startWorker(meshText({ documents: [entryDoc(friend.port, more)] }));
  const peer = await connectRaw({ port: worker.outbound });
  const answer = await ask(peer, getText("/", "api.pay.example"));
  peer.destroy();
  expect(answer.body.toString()).toBe("reached");
});
