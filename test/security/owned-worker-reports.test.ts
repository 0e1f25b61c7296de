/** What a worker in the wrong hands reports of other machines: bounded in the log, in memory, and in what it can make people read. */
import { expect, test } from "bun:test";
import type { IdentityService } from "../../src/keeper/identity/identity-service.ts";
import { NodeService, TUNNELS_TOLD_PER_MINUTE_MAX } from "../../src/keeper/nodes/node-service.ts";
import type { NodesHost } from "../../src/keeper/nodes/nodes-host.ts";
import { REFUSALS_PER_MINUTE_MAX } from "../../src/keeper/nodes/refusal-log.ts";
import type { Worker } from "../../src/keeper/workers/worker.ts";
import { PEER_STATUS, TO_KEEPER } from "../../src/wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../src/wire/channel/to-worker-frame.ts";

const LONG = "\u001b[2J\u202e".repeat(1024);

function keeper() {
  const lines: string[] = [];
  let refused = 0;
  const host = {
    statePath: "/nonexistent",
    workers: () => [],
    facts: () => ({ nodes: [] }),
    emit: (event: object) => void lines.push(JSON.stringify(event)),
    tell: (audit: object) => void lines.push(JSON.stringify(audit)),
    countJoin: () => undefined,
    countRefused: () => void refused++,
    countBansFull: () => undefined,
    note: () => undefined,
  } as unknown as NodesHost;
  const identity = { onOpened: () => () => undefined, live: undefined, site: undefined } as unknown as IdentityService;
  return { service: new NodeService(host, identity), lines, refusals: () => refused };
}

const sent: ToWorkerFrame[] = [];
const worker = { id: 7, send: (frame: ToWorkerFrame) => sent.push(frame) > 0 } as unknown as Worker;

test("refusals without end are counted, and a minute of them fills little of the audit log", () => {
  const { service, lines, refusals } = keeper();
  const told = { type: TO_KEEPER.REFUSED, address: LONG, reason: LONG, detail: LONG } as const;
  for (let n = 0; n < 5_000; n++) service.refused(worker, { ...told, node: "till-2", reason: `${n}${LONG}` });
  expect(refusals()).toBe(5_000);
  expect(lines.length).toBe(REFUSALS_PER_MINUTE_MAX);
  expect(lines.join("\n").length).toBeLessThan(48 * 1024);
  expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}]|\\u/u);
});

test("tunnels that come and go without end are kept count of, and told so many of a minute", () => {
  const { service, lines } = keeper();
  const frame = {
    type: TO_KEEPER.TUNNEL,
    node: "till-2",
    direction: "listener",
    address: "10.0.0.2",
    reason: "",
  } as const;
  for (let n = 0; n < TUNNELS_TOLD_PER_MINUTE_MAX; n++) {
    service.tunnel(worker, { ...frame, isUp: true });
    service.tunnel(worker, { ...frame, isUp: false });
  }
  service.tunnel(worker, { ...frame, isUp: true });
  expect(lines.length).toBe(TUNNELS_TOLD_PER_MINUTE_MAX);
  expect(service.contacts.find("till-2")?.accepted.get(worker.id)).toBe(1);
});

test("what is no name of a node is no contact, and gets no answer from anybody's identity", () => {
  const { service, lines } = keeper();
  const up = { type: TO_KEEPER.TUNNEL, direction: "dialer", isUp: true, address: LONG, reason: LONG } as const;
  service.tunnel(worker, { ...up, node: LONG });
  expect([service.contacts.all.length, lines.length]).toEqual([0, 0]);
  service.tunnel(worker, { ...up, node: "till-2" });
  expect(service.contacts.find("till-2")?.address.length).toBe(64);
  expect(lines.join("")).not.toMatch(/[\p{Cc}\p{Cf}]|\\u/u);
  const request = { type: TO_KEEPER.PEER_REQUEST, requestId: 9, door: "tunnel", address: LONG, kind: 1 } as const;
  service.peerRequest(worker, { ...request, node: "../till-2", bytes: new Uint8Array() });
  expect(sent).toMatchObject([{ requestId: 9, status: PEER_STATUS.REFUSED }]);
});
