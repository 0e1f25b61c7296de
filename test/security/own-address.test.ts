/** Under ALLOW_ANY nobody reaches this machine through the mesh, however its address is written. */
import { describe, expect, test } from "bun:test";
import { TimerWheel } from "../../src/base/timer-wheel.ts";
import { canonicalAddress } from "../../src/proxy/upstream/forbidden-address.ts";
import { LOOKUPS_MAX, LOOKUPS_OF_ONE_MAX, Passthrough } from "../../src/proxy/upstream/passthrough.ts";
import type { EndpointHost } from "../../src/proxy/upstream/socket-endpoint.ts";
import { REGION_BYTES } from "../../src/telemetry/layout.ts";
import { StatsWriter } from "../../src/telemetry/stats-writer.ts";

const stats = new StatsWriter(new Uint8Array(REGION_BYTES), { workerId: 1, startedAtMs: 0 });
const host = {
  stats,
  wheel: new TimerWheel({ nowMs: () => 0, wakeAfter: () => undefined }),
  now: 0,
  nowMs: () => 0,
  connect: () => undefined,
  verifyListener: () => undefined,
  report: () => undefined,
  upstreams: 0,
  hasDescriptor: true,
} satisfies EndpointHost & Record<string, unknown>;
const OWN: ReadonlySet<string> = new Set(["192.0.2.2", "fd00::2"]);

/** Whether `wanted` may be called; `addresses`: what its name resolves to. */
async function isLetOut(wanted: string, addresses: readonly string[] = []): Promise<boolean> {
  const passthrough = new Passthrough(
    host,
    async () => addresses,
    () => OWN,
  );
  const { promise, resolve } = Promise.withResolvers<boolean>();
  passthrough.resolve(wanted, 80, false, -1, (port) => resolve(port !== null));
  return promise;
}

const SPELLINGS = [
  "192.0.2.2",
  "::ffff:192.0.2.2",
  "::ffff:c000:202",
  "::FFFF:C000:0202",
  "0:0:0:0:0:ffff:192.0.2.2",
  "::192.0.2.2",
  "::ffff:0:192.0.2.2",
  "64:ff9b::192.0.2.2",
  "64:ff9b:1::192.0.2.2",
  "2002:c000:202::",
  "fd00::2",
  "FD00::2",
  "fd00:0::2",
  "fd00::0:2",
  "fd00::0002",
  "fd00:0:0:0:0:0:0:2",
  "fd00::0.0.0.2",
  "::ffff:0:127.0.0.1",
  "2002:7f00:1::1",
  "64:ff9b::169.254.169.254",
];

describe("this machine", () => {
  for (const address of SPELLINGS) {
    test(`is not reached as ${address}`, async () => expect(await isLetOut(address)).toBe(false));
    test(`is not reached by a name that stands for ${address}`, async () =>
      expect(await isLetOut("rebinding.example", [address])).toBe(false));
  }
});

test("others are reached, by IPv4 and IPv6", async () => {
  for (const address of ["192.0.2.3", "fd00::3", "2001:db8::192.0.2.2", "::ffff:192.0.2.3"]) {
    expect([address, await isLetOut(address)]).toEqual([address, true]);
  }
});

test("what is no address has no canonical form", () => {
  for (const text of [
    "",
    "1.2.3",
    "1.2.3.256",
    "1.2.3.4.5",
    "fd00::2%eth0",
    ":::",
    "g::1",
    "1:2:3:4:5:6:7:8:9",
    "localhost",
  ]) {
    expect([text, canonicalAddress(text)]).toEqual([text, ""]);
  }
});

test("whoever asks for names that never answer leaves room for the others", async () => {
  const never = Promise.withResolvers<readonly string[]>();
  const passthrough = new Passthrough(
    host,
    (name) => (name === "slow.example" ? never.promise : Promise.resolve(["192.0.2.9"])),
    () => OWN,
  );
  const isLetOutTo = (name: string, asker: number): Promise<boolean> =>
    new Promise((resolve) => passthrough.resolve(name, 80, false, asker, (port) => resolve(port !== null)));
  const flood = Array.from({ length: 2 * LOOKUPS_MAX }, () => isLetOutTo("slow.example", 1));
  expect(await isLetOutTo("quick.example", 2)).toBe(true);
  expect(await isLetOutTo("quick.example", 1)).toBe(false);
  never.resolve(["192.0.2.9"]);
  expect((await Promise.all(flood)).filter(Boolean).length).toBe(LOOKUPS_OF_ONE_MAX);
  expect(await isLetOutTo("quick.example", 1)).toBe(true);
});
