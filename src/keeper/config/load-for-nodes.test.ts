import { afterEach, beforeEach, expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadForNodes } from "./load-for-nodes.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "selvedge-nodes-"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ENV = { node: undefined, hostname: "laptop", resolveUser: () => undefined };

function load(text: string, env: object = {}) {
  writeFileSync(join(folder, "mesh.yaml"), text);
  return loadForNodes([folder], { ...ENV, ...env });
}

const messages = (text: string, env: object = {}): string[] =>
  load(text, env).issues.map(({ code, message }) => `${code} ${message}`);

const NODES = "mesh: a\nnodes: { till-1: 10.0.0.1:15008, till-2: 10.0.0.2:15008 }\n";
const USERS = `${NODES}services:
  web: { run: "unix:user:web", node: till-1 }
  log: { run: "unix:user:log", node: till-2 }
  spy: { run: "unix:user:log", node: till-2 }
`;

test("documents of several nodes are right on a machine that is none of them", () => {
  const { issues, records } = load(`${NODES}services: { web: { run: "unix:user:web", node: till-2, port: 80 } }\n`);
  expect(issues).toEqual([]);
  expect(records.find((record) => record.kind === "site")).toMatchObject({ node: "till-1" });
});

test("the node that this machine is gives the records", () => {
  const { records } = load(NODES, { hostname: "till-2" });
  expect(records.find((record) => record.kind === "site")).toMatchObject({ node: "till-2" });
});

test("a problem that only some nodes have says on which", () => {
  const ambiguous = "Workload default/spy is recognised exactly as default/log is, but has another service account";
  expect(messages(USERS)).toEqual([`SV1006 on till-2: ${ambiguous}`]);
});

test("users are looked up for the node that this machine is", () => {
  expect(messages(USERS, { hostname: "till-1" })[0]).toBe(
    'SV1005 on till-1: unix:user:web: this machine has no user "web"',
  );
});

test("a problem that all nodes have is said once", () => {
  expect(messages(`${NODES}services: { web: { port: 80 } }\n`)).toEqual([
    "SV1003 Workload default/web names no node, and the site has several: till-1, till-2",
  ]);
});

test("a named node is checked alone, as it would start there", () => {
  expect(messages(USERS, { node: "till-1" })).toEqual(['SV1005 unix:user:web: this machine has no user "web"']);
  expect(messages(NODES, { node: "till-3" })[0]).toStartWith('SV1014 this node is "till-3"');
});

test("listeners clash on the node that has both", () => {
  const text = `${NODES}services:
  a: { node: till-2, port: 9000 }
  b: { node: till-2, port: 9000, address: 127.0.0.2 }
  c: { node: till-1, port: 9000 }
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: { name: open }
spec: { mtls: { mode: PERMISSIVE } }
`;
  expect(messages(text)).toEqual([
    "SV1011 on till-2: PERMISSIVE for Workload default/b listens on 10.0.0.2:9000, and PERMISSIVE for Workload default/a on 10.0.0.2:9000",
  ]);
});
