import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scanRecords, verifyGeneration } from "../generation/generation-scan.ts";
import { failsCheck, loadSources } from "./load.ts";
import { parseUsers } from "./users.ts";

const SITE = `
apiVersion: v1
kind: Service
metadata: { name: orders, namespace: prod }
spec: { selector: { app: orders }, ports: [{ port: 80, targetPort: http }] }
---
apiVersion: selvedge/v1
kind: Workload
metadata: { name: orders, namespace: prod, labels: { app: orders } }
spec: { selectors: [["unix:user:root"]], address: 127.0.0.1, ports: { http: 9000 } }
`;

const ROUTE = `
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: r, namespace: prod }
spec:
  parentRefs: [{ group: "", kind: Service, name: orders }]
  rules: [{ backendRefs: [{ name: order, port: 80 }] }]
`;

const ENV = { node: "n1", hostname: "h", resolveUser: () => 0 };

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-load-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function source(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

async function runChild(argument: unknown): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "compile-main.ts"), JSON.stringify(argument)], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

describe("the compiling child", () => {
  test("writes a generation that verifies, and says what it found", async () => {
    const out = join(folder, "1.ndjson");
    const { stdout, code } = await runChild({ paths: [source("good.yaml", SITE + ROUTE)], node: "n1", out });
    expect(code).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer).toMatchObject({ ok: true, counts: { service: 1, workload: 1, site: 1, listener: 2, records: 5 } });
    expect(answer.issues.map((issue: { code: string }) => issue.code)).toEqual(["SV1111"]);
    expect(answer.conditions.map((one: { reason: string }) => one.reason)).toEqual(["Accepted", "BackendNotFound"]);
    expect(verifyGeneration(out).records).toBe(5);
    const keys = [...scanRecords(out, 5)].map(
      (line) => /^\{"kind":"[a-z]+","key":"([^"]*)"/.exec(line.toString())?.[1],
    );
    expect(keys).toEqual([
      "site",
      "listener/metrics/127.0.0.1:15020",
      "listener/outbound/127.0.0.1:15001",
      "service/prod/orders",
      "workload/prod/orders",
    ]);
    const workload = readFileSync(out, "utf8")
      .split("\n")
      .find((line) => line.startsWith('{"kind":"workload"'));
    expect(JSON.parse(workload ?? "").selectors).toEqual([[{ type: "uid", uid: 0 }]]);
  });

  test("writes nothing where the configuration is refused", async () => {
    const out = join(folder, "2.ndjson");
    const { stdout, code } = await runChild({ paths: [source("bad.yaml", `${SITE}  nonsense: 1\n`)], node: "n1", out });
    expect(code).toBe(0);
    expect(JSON.parse(stdout).ok).toBe(false);
    expect(existsSync(out)).toBe(false);
  });

  test("says on stderr why it could not work", async () => {
    const out = join(folder, "missing", "3.ndjson");
    const { stderr, code } = await runChild({ paths: [source("fine.yaml", SITE)], node: "n1", out });
    expect(code).toBe(1);
    expect(stderr).toContain("ENOENT");
    expect((await runChild({ paths: "x" })).code).toBe(1);
  });
});

describe("loading", () => {
  test("counts references that do not resolve as failures of a check only", () => {
    const result = loadSources([source("route.yaml", SITE + ROUTE)], ENV);
    expect(result.issues.map((issue) => [issue.severity, issue.line])).toEqual([["warning", 18]]);
    expect(failsCheck(result.issues)).toBe(true);
    expect(failsCheck(loadSources([source("plain.yaml", SITE)], ENV).issues)).toBe(false);
  });

  test("does not blame references to a document that is broken itself", () => {
    const broken = SITE.replace("targetPort: http", "targetPrt: http");
    const result = loadSources([source("broken.yaml", broken + ROUTE.replace("name: order,", "name: orders,"))], ENV);
    expect(result.issues.map((issue) => issue.code)).toEqual(["SV0206"]);
  });
});

test("users are read from passwd lines, and what is none is passed over", () => {
  const users = parseUsers("root:x:0:0::/root:/bin/sh\n\n# x\nweb:x:1001:1001::/:\nodd:x:abc:1::/:\nweb:x:7:7::/:\n");
  expect([...users]).toEqual([
    ["root", 0],
    ["web", 1001],
  ]);
});

test("an assertion that does not hold is an error of the change that breaks it", () => {
  const assertion = (expect: string) => `
---
apiVersion: selvedge/v1
kind: Assertion
metadata: { name: a }
spec: { expect: ${expect}, from: prod/orders, to: prod/orders }
`;
  const codes = (text: string) => loadSources([source("assert.yaml", text)], ENV).issues.map((issue) => issue.code);
  expect(codes(SITE + assertion("deny"))).toEqual([]);
  expect(codes(SITE + assertion("allow"))).toEqual(["SV2101"]);
});
