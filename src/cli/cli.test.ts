import { describe, expect, test } from "bun:test";
import { adminPathOf } from "./admin-path.ts";
import { withBlock } from "./commands/hosts.ts";
import { entryText } from "./commands/records.ts";
import { proxyEnvironment } from "./commands/run.ts";
import { eventText } from "./event-printer.ts";
import { issueText } from "./issue-text.ts";
import { registryPath } from "./node-registry.ts";
import { tableLines } from "./table.ts";
import { durationText, latencyText, parseDuration, percentText, rateText } from "./units.ts";
import { parseUp } from "./up.ts";

describe("a table", () => {
  test("lines up words and numbers, wide characters included, and is not broken by what it shows", () => {
    const columns = [{ title: "NAME" }, { title: "RPS", align: "right" as const }, { title: "NOTE" }];
    const rows = [
      ["größe", "12", "a"],
      ["日本", "3", "x\ny\u001b[31m"],
    ];
    expect(tableLines(columns, rows)).toEqual([
      "NAME   RPS  NOTE",
      "größe   12  a",
      "日本     3  x\\u000ay\\u001b[31m",
    ]);
  });

  test("keeps its columns when cells are coloured", () => {
    const plain = tableLines([{ title: "A" }, { title: "B" }], [["x", "y"]]);
    const painted = tableLines([{ title: "A" }, { title: "B" }], [["x", "y"]], (cell) => `<${cell}>`);
    expect(painted[1]?.replace(/[<>]/g, "")).toBe(plain[1] as string);
  });
});

describe("units", () => {
  test("read and print durations", () => {
    expect(["10s", "5m", "1h", "14d", "500ms"].map(parseDuration)).toEqual([
      10_000, 300_000, 3_600_000, 1_209_600_000, 500,
    ]);
    expect(["10", "s", "-1s", "1w"].map(parseDuration)).toEqual([undefined, undefined, undefined, undefined]);
    expect([840, 59_000, 312_000, 3_600_000, 90_061_000].map(durationText)).toEqual([
      "840ms",
      "59s",
      "5m12s",
      "1h",
      "1d1h",
    ]);
  });

  test("never round a failure away", () => {
    expect([1, 0.99999, 0, null].map(percentText)).toEqual(["100%", "99.99%", "0.00%", "-"]);
    expect([0.844, 12.4, 1234, null].map(latencyText)).toEqual(["0.84ms", "12ms", "1.2s", "-"]);
    expect([0, 0.34, 12.3, 1850].map(rateText)).toEqual(["0", "0.3", "12", "1850"]);
  });
});

describe("the hosts block", () => {
  test("is added once, replaced, and removed, and the rest stays as it was", () => {
    const own = "127.0.0.1 localhost\n";
    const first = withBlock(own, ["127.77.0.5 orders.prod"]);
    const second = withBlock(`${first}10.0.0.1 behind\n`, ["127.77.0.6 web.prod"]);
    expect(first.startsWith(own)).toBe(true);
    expect(second).toContain("127.77.0.6 web.prod");
    expect(second).not.toContain("127.77.0.5");
    expect(withBlock(second, [])).toBe(`${own}10.0.0.1 behind\n`);
    expect(withBlock("no newline", ["a b"]).startsWith("no newline\n#")).toBe(true);
  });
});

describe("what is printed", () => {
  test("of an issue names its place and its hint", () => {
    const issue = {
      file: "a.yaml",
      line: 3,
      col: 5,
      severity: "error" as const,
      code: "SV0001",
      message: "no such field",
    };
    expect(issueText(issue)).toBe("a.yaml:3:5  error  SV0001  no such field");
    expect(issueText({ ...issue, hint: "did you mean port" })).toEndWith("\n  hint: did you mean port");
  });

  test("of a request names who called whom, how it ended and what to ask", () => {
    const text = entryText({
      start_time: "2026-01-02T03:04:05.678Z",
      src_workload: null,
      dst_workload: "prod/orders",
      method: "GET",
      path: "/a\u001b[2J",
      response_code: 403,
      response_flags: "RBAC",
      authz_verdict: "denied",
      duration: 1.5,
      selvedge_id: "32c746e301e638be",
    });
    for (const part of [
      "03:04:05.678",
      "(no identity) → prod/orders",
      "GET /a\\u001b[2J",
      "403 RBAC",
      "why 32c746e301e638be",
    ]) {
      expect(text).toContain(part);
    }
  });

  test("of events is for people, and nothing of what only machines want", () => {
    expect(
      eventText({ event: "worker_died", pid: 7, worker: 1, code: null, signal: "SIGKILL", restartAfterMs: 0 }),
    ).toContain("worker 7 died (SIGKILL)");
    expect(eventText({ event: "worker_started", pid: 7, worker: 1 })).toBe("");
  });
});

describe("paths", () => {
  test("of the admin socket are short enough for the kernel, and the same every time", () => {
    expect(adminPathOf("/var/lib/selvedge", {})).toBe("/var/lib/selvedge/admin.sock");
    const long = `/${"x".repeat(120)}`;
    expect(adminPathOf(long, { XDG_RUNTIME_DIR: "/run/user/5" })).toMatch(
      /^\/run\/user\/5\/selvedge-[0-9a-f]{16}\.sock$/,
    );
    expect(adminPathOf(long, {})).toBe(adminPathOf(long, {}));
  });

  test("of the registry are each user's own", () => {
    expect(registryPath(0, {})).toBe("/run/selvedge/nodes");
    expect(registryPath(5, { XDG_RUNTIME_DIR: "/run/user/5" })).toBe("/run/user/5/selvedge/nodes");
  });
});

describe("the arguments of up", () => {
  test("are read with their defaults", () => {
    const asked = parseUp(["-f", "a", "-f", "b", "--state", "/s", "-o", "json"], { SELVEDGE_NODE: "till-1" });
    expect(asked).toEqual({
      paths: ["a", "b"],
      state: "/s",
      node: "till-1",
      workers: 1,
      isJson: true,
      workerUser: undefined,
    });
    expect(parseUp(["--node", "till-2", "--worker-user", "7:8"], { SELVEDGE_NODE: "till-1" })).toMatchObject({
      node: "till-2",
      workerUser: { uid: 7, gid: 8 },
    });
  });

  test("are refused where they make no sense", () => {
    for (const wrong of [
      ["--workers", "0"],
      ["--workers", "x"],
      ["-o", "xml"],
      ["--unknown"],
      ["stray"],
      ["--worker-user", "root"],
    ]) {
      expect(() => parseUp(wrong, {})).toThrow();
    }
  });
});

describe("the environment of a run", () => {
  test("sends HTTP through the mesh and leaves loopback alone", () => {
    const environment = proxyEnvironment("127.0.0.1:15001");
    expect(environment["http_proxy"]).toBe("http://127.0.0.1:15001");
    expect(environment["no_proxy"]).toContain("127.0.0.1");
  });
});
