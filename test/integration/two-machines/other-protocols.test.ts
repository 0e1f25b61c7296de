import { afterAll, beforeAll, describe, expect } from "bun:test";
import { join } from "node:path";
import { asUser, programAs } from "../../support/as-user.ts";
import { type LineProcess, startLines } from "../../support/line-process.ts";
import { portOf } from "../../support/mesh-process.ts";
import { missing, testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop, UIDS } from "../../support/two-node-shop.ts";
import { Visitor } from "../../support/visitor.ts";

const needs = { ...MACHINES_NEEDS, programs: [...(MACHINES_NEEDS.programs ?? []), "h2load"] };
const labTest = testWith(needs);

const LEDGER_UID = 61_105;
const LEDGER_PORT = 9004;
const LEDGER =
  `ledger: { namespace: prod, node: till-2, run: "unix:uid:${LEDGER_UID}", port: ${LEDGER_PORT}, ` +
  "protocol: tcp, servicePort: 5432, clusterIP: 127.77.0.9, allow: [web] }";

let shop: TwoNodeShop;
let ledger: LineProcess;
let web: Visitor;
let stranger: Visitor;
beforeAll(async () => {
  if (missing(needs).length > 0) return;
  shop = await TwoNodeShop.start({ weights: [0, 1], services: [LEDGER], webCalls: ["orders", "ledger"] });
  const program = join(import.meta.dir, "../../support/tcp-echo-program.ts");
  const argument = { port: LEDGER_PORT };
  ledger = startLines([...shop.lab.machine("till-2").enter, ...programAs(LEDGER_UID, program, argument)]);
  await ledger.line();
  web = await Visitor.start(shop.lab.machine("till-1").enter, UIDS.web);
  stranger = await Visitor.start(shop.lab.machine("till-1").enter, 61_199);
});
afterAll(async () => {
  for (const visitor of [web, stranger]) await visitor?.[Symbol.asyncDispose]();
  await ledger?.end();
  await shop?.[Symbol.asyncDispose]();
});

describe("between two machines", () => {
  labTest("a TCP connection carries bytes both ways, and one half may end before the other", async () => {
    for (const size of [0, 5, 3_000_000]) {
      const body = "0123456789".repeat(Math.ceil(size / 10)).slice(0, size);
      const answer = await web.get("tcp://127.77.0.9:5432", { body });
      expect(answer.body === `${body}\n${size} bytes\n`).toBe(true);
    }
  });

  labTest("a TCP connection of somebody unknown is closed before anything reaches the service", async () => {
    const refused = await stranger.get("tcp://127.77.0.9:5432", { body: "hello" }).then(
      ({ body }) => body,
      () => "",
    );
    expect(refused).toBe("");
    const opened = (await shop.metrics("till-2")).sum("istio_tcp_connections_opened_total", {
      source_workload: "unknown",
    });
    expect(opened).toBe(0);
  });

  labTest("a WebSocket carries messages both ways", async () => {
    const url = `ws://${shop.node("till-1").ready.outbound}/ws`;
    for (const body of ["hello", "x".repeat(300_000)]) {
      const answer = await web.get(url, { headers: { host: "orders" }, body });
      expect(answer.body === body).toBe(true);
    }
  });

  labTest("h2load's requests by HTTP/2 are all answered, many at once on a few connections", async () => {
    const port = portOf(shop.node("till-1").ready.outbound);
    const flags = ["-n", "2000", "-c", "4", "-m", "16", "-H", ":authority: orders"];
    const command = ["h2load", ...flags, `http://127.0.0.1:${port}/small`];
    const child = Bun.spawn([...shop.lab.machine("till-1").enter, ...asUser(UIDS.web), ...command], {
      stdio: ["ignore", "pipe", "pipe"],
      cwd: "/",
    });
    const said = await child.stdout.text();
    expect(await child.exited).toBe(0);
    const deaths = shop.node("till-1").events.filter(({ event }) => event === "worker_died");
    expect([deaths, shop.node("till-1").stderr]).toEqual([[], expect.not.stringContaining("error")]);
    expect(said).toContain("2000 succeeded, 0 failed, 0 errored, 0 timeout");
    expect(said).toContain("status codes: 2000 2xx");
  });
});
