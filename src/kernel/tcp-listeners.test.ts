import { expect, test } from "bun:test";
import { fstatSync, readdirSync } from "node:fs";
import { rawClose, rawListen, rawPort } from "./raw-tcp.fixture.ts";
import { listListening } from "./tcp-listeners.ts";

test("the listing has every listener of both families with its owner, more than fit one part of the answer", () => {
  const before = readdirSync("/proc/self/fd").length;
  const ipv6 = Bun.listen({ hostname: "::1", port: 0, socket: { data() {} } });
  const many = Array.from({ length: 400 }, () => rawListen("127.0.0.3"));
  try {
    const { listeners, isComplete } = listListening();
    expect(isComplete).toBe(true);
    for (const fd of many) {
      expect(listeners.find((listener) => listener.port === rawPort(fd) && listener.ip === "127.0.0.3")).toMatchObject({
        family: 4,
        uid: process.getuid!(),
        inode: fstatSync(fd).ino,
      });
    }
    expect(listeners.filter((listener) => listener.port === ipv6.port && listener.ip === "::1")).toHaveLength(1);
    expect(listeners.every((listener) => listener.inode > 0 && listener.port > 0)).toBe(true);
  } finally {
    for (const fd of many) rawClose(fd);
    ipv6.stop(true);
  }
  expect(readdirSync("/proc/self/fd").length).toBeLessThanOrEqual(before + 1);
});
