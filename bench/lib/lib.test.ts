import { expect, test } from "bun:test";
import { busyBetween, cpuSecondsOf, parseStat, pssBytesOf, sampleCore, treeOf } from "./cpu.ts";
import { parseH2load } from "./h2load.ts";
import { runOpenLoop } from "./open-loop-program.ts";
import { median, percentile, ratioOfPairs } from "./statistics.ts";
import { parseSs, wireBetween } from "./wire-bytes.ts";
import { parseWrk } from "./wrk.ts";

test("a process name with blanks and parentheses does not shift the fields of its stat", () => {
  const stat = parseStat("77 (a (b) c) S 5 77 77 0 -1 0 0 0 0 0 10 20 3 4 20 0 1 0 0 0 0");
  expect(stat).toEqual({ pid: 77, parent: 5, ownTicks: 30, reapedTicks: 7 });
});

test("a tree holds children, and their CPU time and memory count", async () => {
  const child = Bun.spawn(["sh", "-c", "sleep 60 & wait"], { stdin: "ignore" });
  try {
    while (treeOf(child.pid).length < 2) await Bun.sleep(1);
    expect(treeOf(child.pid)).toHaveLength(2);
    expect(pssBytesOf(child.pid)).toBeGreaterThan(50_000);
    expect(cpuSecondsOf(process.pid)).toBeGreaterThan(0);
  } finally {
    for (const pid of treeOf(child.pid).reverse()) process.kill(pid, "SIGKILL");
  }
});

test("a core's busy share leaves idle and waiting for the disk out", () => {
  const before = sampleCore(1, "cpu  1 1 1 1 1 1 1 1\ncpu1 10 0 10 100 0 0 0 0 0 0\n");
  const after = sampleCore(1, "cpu1 20 0 20 160 10 5 5 0 0 0\n");
  expect(busyBetween(before, after)).toBeCloseTo(30 / 100);
});

test("percentiles are ranks of the sorted values", () => {
  const values = Array.from({ length: 1000 }, (_, i) => 1000 - i);
  expect([percentile(values, 0.5), percentile(values, 0.99), percentile(values, 1)]).toEqual([500, 990, 1000]);
  expect([median([3, 1, 2]), median([4, 1, 2, 3])]).toEqual([2, 2.5]);
});

test("the ratio of pairs is a geometric mean with an interval that shrinks where pairs agree", () => {
  const steady = ratioOfPairs([8, 16, 24], [10, 20, 30]);
  expect(steady.mean).toBeCloseTo(0.8);
  expect(steady.high - steady.low).toBeCloseTo(0);
  const loose = ratioOfPairs([5, 20], [10, 10]);
  expect(loose.mean).toBeCloseTo(1);
  expect(loose.low).toBeLessThan(0.01);
});

test("wrk's summary is read with its errors", () => {
  const text =
    "  30000 requests in 3.00s, 6.6MB read\n  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 4\nRequests/sec:  10000.50\n";
  expect(parseWrk(text)).toEqual({ requests: 30_000, requestsPerSecond: 10_000.5, errors: 10 });
  expect(() => parseWrk("unable to connect")).toThrow("no summary");
});

test("the open-loop generator counts requests that fell due while the server stood still", async () => {
  let isStalled = false;
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
  const held: (() => void)[] = [];
  const server = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        if (isStalled) held.push(() => socket.write(answer));
        else socket.write(answer);
      },
    },
  });
  setTimeout(() => {
    isStalled = true;
  }, 100);
  setTimeout(() => {
    isStalled = false;
    for (const release of held) release();
  }, 400);
  const result = await runOpenLoop({
    hostname: "127.0.0.1",
    port: server.port,
    host: "a",
    path: "/",
    requestsPerSecond: 1000,
    connections: 4,
    seconds: 0.6,
  });
  server.stop(true);
  expect(result.errors).toBe(0);
  expect(result.answered).toBe(600);
  // Four connections alone would show four slow requests; half of all fell due during the stall.
  expect(result.p50Us).toBeGreaterThan(1_000);
  expect(result.p99Us).toBeGreaterThan(200_000);
});

test("a call whose answer has no content counts as an error, whatever h2load thinks of it", () => {
  const summary = (data: number) =>
    `finished in 2.00s, 100.50 req/s, 1MB/s\nrequests: 200 total, 200 started, 200 done, 200 succeeded, 0 failed\ntraffic: 1MB (1000) total, 1KB (100) headers (space savings 90%), 1KB (${data}) data\n`;
  expect(parseH2load(summary(21_000), 105)).toEqual({ requests: 200, requestsPerSecond: 100.5, errors: 0 });
  expect(parseH2load(summary(1050), 105).errors).toBe(190);
});

test("what crosses is counted over all connections, both ways", () => {
  const line = (sent: number) =>
    `0 0 127.0.0.1:1 127.0.0.2:2\n\t cubic bytes_sent:${sent} bytes_acked:1 bytes_received:5 segs_out:2 segs_in:3 x`;
  expect(parseSs(`${line(10)}\n${line(20)}\n`)).toEqual({ bytes: 40, segments: 10 });
  expect(wireBetween({ bytes: 0, segments: 0 }, { bytes: 40, segments: 10 })).toEqual({ content: 40, all: 560 });
});
