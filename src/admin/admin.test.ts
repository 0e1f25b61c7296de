import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startTimeOf } from "../kernel/process-facts.ts";
import { isBelowRun, refusePeer, workloadUids } from "./admin-peer.ts";
import { type AdminHandlers, AdminServer } from "./admin-server.ts";
import { recordOfEntry } from "./log-entry.ts";
import { AdminError, CONNECTIONS_MAX, SMALL_REQUEST_BYTES_MAX } from "./protocol.ts";

let base: string;
let server: AdminServer | undefined;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-admin-"));
});
afterEach(() => {
  server?.close();
  rmSync(base, { recursive: true, force: true });
});

function serve(handlers: Partial<AdminHandlers>): string {
  const path = join(base, "admin.sock");
  server = new AdminServer(path, { refuse: () => undefined, call: async () => "done", ...handlers });
  return path;
}

/** Everything the server says to these bytes until it ends the connection. */
async function say(path: string, text: string): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<string>();
  let heard = "";
  const socket = await Bun.connect({
    unix: path,
    socket: {
      data: (_socket, bytes) => {
        heard += bytes.toString();
      },
      close: () => resolve(heard),
    },
  });
  for (let rest = Buffer.from(text); rest.length > 0; ) {
    const taken = socket.write(rest);
    if (taken < 0) break;
    rest = rest.subarray(taken);
    if (taken === 0) await new Promise<void>((next) => setImmediate(next));
  }
  return promise;
}

describe("AdminServer", () => {
  test("answers items and a result on a socket that is its user's alone", async () => {
    const path = serve({
      call: async (call) => {
        await call.send({ op: call.op });
        return { uid: call.peer.uid };
      },
    });
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(await say(path, '{"op":"x"}\n')).toBe(`{"item":{"op":"x"}}\n{"result":{"uid":${process.getuid?.()}}}\n`);
  });

  test("takes a request in pieces and looks at nothing behind its line", async () => {
    const path = serve({ call: async ({ request }) => request["n"] });
    expect(await say(path, '{"op":"x","n":1}\n{"op":"x","n":2}\n')).toBe('{"result":1}\n');
  });

  test("refuses what is no request, what is too long, and whom it is told to refuse", async () => {
    const path = serve({ refuse: () => "you are a workload" });
    expect(await say(path, "hello\n")).toContain('"code":"bad_request"');
    expect(await say(path, "[]\n")).toContain('"code":"bad_request"');
    expect(await say(path, `{"op":"x","p":"${"x".repeat(SMALL_REQUEST_BYTES_MAX)}"}\n`)).toContain("too long");
    expect(await say(path, '{"op":"x"}\n')).toContain("you are a workload");
  });

  test("tells a known failure with its facts, and survives an unknown one", async () => {
    const path = serve({
      call: async ({ op }) => {
        throw op === "known" ? new AdminError("refused", "no", { issues: [1] }) : new Error("oh");
      },
    });
    expect(await say(path, '{"op":"known"}\n')).toBe('{"error":{"issues":[1],"code":"refused","message":"no"}}\n');
    expect(await say(path, '{"op":"unknown"}\n')).toContain('"code":"internal"');
    expect(await say(path, '{"op":"known"}\n')).toContain("refused");
  });

  test("waits for a client that does not read instead of holding everything", async () => {
    let sent = 0;
    const { promise: gone, resolve: setGone } = Promise.withResolvers<void>();
    const path = serve({
      call: async (call) => {
        call.signal.addEventListener("abort", () => setGone());
        for (; sent < 1000; sent++) await call.send("x".repeat(64 * 1024));
        return null;
      },
    });
    const socket = await Bun.connect({ unix: path, socket: { data: () => {} } });
    socket.pause();
    socket.write('{"op":"x"}\n');
    for (let turn = 0, before = -1; turn < 50 && before !== sent; turn++) {
      before = sent;
      for (let n = 0; n < 20; n++) await new Promise<void>((next) => setImmediate(next));
    }
    expect(sent).toBeLessThan(100);
    socket.terminate();
    await gone;
  });

  test("has room for a bounded number of clients", async () => {
    const path = serve({});
    const open = await Promise.all(
      Array.from({ length: CONNECTIONS_MAX }, () => Bun.connect({ unix: path, socket: { data: () => {} } })),
    );
    expect(await say(path, '{"op":"x"}\n')).toBe("");
    for (const socket of open) socket.end();
  });
});

describe("an operator", () => {
  const facts = { uid: 1000, meshUid: 1000, workerUid: 65534, workloadUids: new Set([1000, 1001]), isBelowRun: false };

  test("is refused when it is a workload", () => {
    expect(refusePeer(facts)).toBeUndefined();
    expect(refusePeer({ ...facts, uid: 1001 })).toContain("user of a workload");
    expect(refusePeer({ ...facts, uid: 1001, workloadUids: new Set() })).toBeUndefined();
    expect(refusePeer({ ...facts, uid: 65534 })).toContain("worker");
    expect(refusePeer({ ...facts, isBelowRun: true })).toContain("selvedge run");
    expect(refusePeer({ ...facts, isBelowRun: undefined })).toContain("selvedge run");
  });

  test("is below a run when an ancestor is registered", () => {
    const self = { pid: process.pid, uid: 0, gid: 0 };
    const run = { pid: process.ppid, startTime: startTimeOf(process.ppid) ?? 0, workload: "w", registeredByUid: 0 };
    expect(isBelowRun(self, [run])).toBe(true);
    expect(isBelowRun(self, [{ ...run, startTime: run.startTime + 1 }])).toBe(false);
    expect(isBelowRun({ ...self, pid: 2 ** 30 }, [run])).toBeUndefined();
  });

  test("shares no uid with any selector", () => {
    const selectors = [[{ type: "uid", uid: 5 } as const], [{ type: "cgroup", path: "/x" } as const]];
    expect([...workloadUids([{ key: "k", principal: "p", selectors }])]).toEqual([5]);
  });
});

describe("a line of the access log", () => {
  test("becomes a record again, whatever is missing in it", () => {
    const record = recordOfEntry({
      src_workload: "prod/web",
      src_identity: "t/ns/prod/sa/web",
      response_flags: "RBAC",
      response_code: 403,
    });
    expect(record.source).toMatchObject({ namespace: "prod", workload: "web", principal: "t/ns/prod/sa/web" });
    expect(record).toMatchObject({ flag: "RBAC", status: 403, rule: -1, verdict: "undecided", strength: "none" });
    expect(recordOfEntry({ response_flags: "NEW" }).flag).toBe("-");
  });

  test("says which other node asked, and names no node for callers of its own", () => {
    const nodeOf = (reporter: string) => recordOfEntry({ src_node: "till-1", reporter }).source.node;
    expect(["destination", "source", "both"].map(nodeOf)).toEqual(["till-1", "", ""]);
  });
});
