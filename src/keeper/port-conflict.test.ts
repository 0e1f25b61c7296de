import { describe, expect, test } from "bun:test";
import { findConflict, forgetTaken, requireFree } from "./port-conflict.ts";

const wanted = (hostname: string, port: number) => [{ key: "listener/outbound/x", hostname, port }];
const taken = (ip: string, port: number) => [{ ip, port, uid: 5 }];

describe("findConflict", () => {
  test("sees the same address and wildcards on either side", () => {
    expect(findConflict(wanted("127.0.0.1", 15001), taken("127.0.0.1", 15001))?.uid).toBe(5);
    expect(findConflict(wanted("127.0.0.1", 15001), taken("0.0.0.0", 15001))?.uid).toBe(5);
    expect(findConflict(wanted("0.0.0.0", 15001), taken("127.0.0.1", 15001))?.uid).toBe(5);
    expect(findConflict(wanted("127.0.0.1", 15001), taken("::", 15001))?.uid).toBe(5);
  });

  test("leaves other addresses, other ports, other families and any free port alone", () => {
    expect(findConflict(wanted("127.0.0.1", 15001), taken("127.0.0.2", 15001))).toBeUndefined();
    expect(findConflict(wanted("127.0.0.1", 15001), taken("127.0.0.1", 15002))).toBeUndefined();
    expect(findConflict(wanted("::1", 15001), taken("0.0.0.0", 15001))).toBeUndefined();
    expect(findConflict(wanted("127.0.0.1", 0), taken("127.0.0.1", 0))).toBeUndefined();
  });
});

describe("forgetTaken", () => {
  test("keeps the remembered ports that are free", () => {
    const ports = new Map([
      ["listener/outbound/127.0.0.1:0", 4001],
      ["listener/metrics/127.0.0.1:0", 4002],
    ]);
    forgetTaken(ports, taken("0.0.0.0", 4001));
    expect([...ports.values()]).toEqual([4002]);
  });
});

test("requireFree() refuses every listener that somebody has, but for PERMISSIVE ports of workloads", () => {
  const at = (role: string) => [{ key: `listener/${role}/10.0.0.1:9000`, hostname: "10.0.0.1", port: 9000 }];
  const service = taken("0.0.0.0", 9000);
  expect(() => requireFree(at("gateway"), service)).toThrow("10.0.0.1:9000: a process of uid 5");
  expect(() => requireFree(at("inbound"), service)).not.toThrow();
});
