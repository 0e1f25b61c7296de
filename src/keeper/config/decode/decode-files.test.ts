import { expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import type { AnyDocument, DocumentOf } from "../../../model/documents.ts";
import { hasErrors } from "../../../model/issue.ts";
import { nodeFrom } from "../schema/config-node.ts";
import { ISSUES_MAX, Reader } from "../schema/reader.ts";
import { decodeTree } from "./decode-document.ts";
import { decodeFiles } from "./decode-files.ts";
import { DOCUMENTS_MAX } from "./limits.ts";
import { printDocuments } from "./print-documents.ts";

const folder = join(import.meta.dir, "../../../../test/golden/config");
const golden = readdirSync(folder)
  .filter((name) => name.endsWith(".yaml"))
  .map((name) => ({ path: name, text: readFileSync(join(folder, name), "utf8") }));
const valid = golden.filter(({ path }) => path.startsWith("valid-"));

function decode(text: string) {
  return decodeFiles([{ path: "a.yaml", text }]);
}

/** What a document says, without where it says so. */
function meaning({ apiVersion, kind, metadata, spec }: AnyDocument) {
  return { apiVersion, kind, metadata, spec };
}

function only<K extends AnyDocument["kind"]>(text: string, kind: K): DocumentOf<K> {
  const { documents, issues } = decode(text);
  expect(issues).toEqual([]);
  const found = documents.filter((document): document is DocumentOf<K> => document.kind === kind);
  expect(found.length).toBe(1);
  return found[0]!;
}

for (const { path, text } of valid) {
  test(`the documents of ${path} are the same after printing and decoding them again`, () => {
    const once = decode(text);
    const twice = decode(printDocuments(once.documents));
    expect(twice.issues).toEqual([]);
    expect(twice.documents.map(meaning)).toEqual(once.documents.map(meaning));
  });
}

test("every kind is among the valid examples", () => {
  const kinds = new Set(valid.flatMap(({ text }) => decode(text).documents.map(({ kind }) => kind)));
  expect([...kinds].toSorted()).toEqual([
    "Assertion",
    "AuthorizationPolicy",
    "DestinationRule",
    "GRPCRoute",
    "Gateway",
    "HTTPRoute",
    "Node",
    "PeerAuthentication",
    "ReferenceGrant",
    "Service",
    "ServiceEntry",
    "Site",
    "TCPRoute",
    "Workload",
  ]);
});

test("defaults are filled in", () => {
  const site = only("apiVersion: selvedge/v1\nkind: Site\nmetadata: { name: store-042 }\n", "Site");
  expect(site.metadata).toEqual({ name: "store-042", namespace: "default", labels: {}, annotations: {} });
  expect(site.spec).toEqual({
    trustDomain: "store-042.mesh",
    trustDomainAliases: [],
    node: undefined,
    outbound: "127.0.0.1:15001",
    metrics: "127.0.0.1:15020",
    tunnel: undefined,
    defaultAction: "deny",
    outboundTrafficPolicy: "REGISTRY_ONLY",
    rootNamespace: "selvedge-system",
    accessLogSamplePercent: 1,
  });
  const header = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: a }\n";
  const route = only(`${header}spec: { parentRefs: [{ name: lan }] }\n`, "HTTPRoute");
  expect(route.spec.parentRefs[0]!).toMatchObject({ group: "gateway.networking.k8s.io", kind: "Gateway" });
  expect(route.spec.rules[0]!.matches).toEqual([
    { path: { type: "PathPrefix", value: "/" }, headers: [], queryParams: [], method: undefined },
  ]);
});

test("a policy without rules and one with an empty rule stay what they are", () => {
  const header = "apiVersion: security.istio.io/v1\nkind: AuthorizationPolicy\nmetadata: { name: a }\n";
  expect(only(`${header}spec: {}\n`, "AuthorizationPolicy").spec.rules).toBeUndefined();
  expect(only(`${header}spec: { rules: [] }\n`, "AuthorizationPolicy").spec.rules).toBeUndefined();
  expect(only(`${header}spec: { rules: [{}] }\n`, "AuthorizationPolicy").spec.rules).toEqual([
    { from: undefined, to: undefined, when: [] },
  ]);
});

test("a group written core is the core group", () => {
  const text = `apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: a }
spec: { parentRefs: [{ group: core, kind: Service, name: a }] }
`;
  expect(only(text, "HTTPRoute").spec.parentRefs[0]!.group).toBe("");
});

test("a field knows where it was written, and one that was not where its nearest ancestor was", () => {
  const text = `# a comment
apiVersion: v1
kind: Service
metadata: { name: a }
spec:
  ports:
    - port: 80
    - { port: 81, name: b }
`;
  const { documents } = decode(text.replace("- port: 80", "- port: 80\n      name: a"));
  const service = documents[0]!;
  expect(service.origin).toEqual({ file: "a.yaml", line: 2, col: 1 });
  expect(service.at(["spec", "ports", 1, "name"])).toEqual({ file: "a.yaml", line: 9, col: 25 });
  expect(service.at(["spec", "ports", 1, "targetPort"])).toEqual({ file: "a.yaml", line: 9, col: 7 });
  expect(service.at(["spec", "ports", 7, "port"])).toEqual({ file: "a.yaml", line: 7, col: 5 });
});

test("what a short form expands into points into the short form", () => {
  const text = `mesh: store
services:
  orders:
    run: "unix:user:orders"
    allow: [web, "*"]
    versions:
      v1: { port: 9001, weight: 99 }
      v2: { port: 9002, weight: 1 }
  web: { port: 80 }
`;
  const { documents } = decode(text);
  const at = (kind: string, name: string, path: (string | number)[]) => {
    const { line, col } = documents
      .find((document) => document.kind === kind && document.metadata.name === name)!
      .at(path);
    return [line, col];
  };
  expect(at("Workload", "orders-v2", ["spec", "ports", "http"])).toEqual([8, 19]);
  expect(at("Workload", "orders-v2", ["spec", "selectors", 0])).toEqual([4, 10]);
  expect(at("HTTPRoute", "orders", ["spec", "rules", 0, "backendRefs", 1, "weight"])).toEqual([8, 33]);
  expect(at("AuthorizationPolicy", "orders", ["spec", "rules", 0, "from", 0, "source", "principals", 1])).toEqual([
    5, 18,
  ]);
  expect(at("Site", "store", ["spec", "outbound"])).toEqual([1, 1]);
});

for (const [name, what] of [
  ["valid-short-form", "the short form of the contract"],
  ["valid-short-nodes", "a short form with nodes"],
] as const) {
  test(`${what} stands for exactly the documents of its expansion`, () => {
    const text = readFileSync(join(folder, `${name}.yaml`), "utf8");
    const path = join(folder, `${name}.expanded`);
    if (process.env["UPDATE"] === "1") writeFileSync(path, printDocuments(decode(text).documents));
    expect(printDocuments(decode(text).documents)).toBe(readFileSync(path, "utf8"));
  });
}

test("an empty list of callers lets nobody in, and no list leaves it to the default", () => {
  const policies = (allow: string) =>
    decode(`mesh: a\nservices: { b: { port: 80${allow} } }\n`).documents.filter(
      ({ kind }) => kind === "AuthorizationPolicy",
    );
  expect(policies("")).toEqual([]);
  expect(policies(", allow: []").map(({ spec }) => spec)).toMatchObject([{ action: "ALLOW", rules: undefined }]);
});

test("words that older YAML takes for booleans are printed in quotes", () => {
  const text =
    'apiVersion: v1\nkind: Service\nmetadata: { name: a, labels: { a: yes, b: "on", c: "1.0" } }\nspec: { ports: [{ port: 80 }] }\n';
  const printed = printDocuments(decode(text).documents);
  for (const word of ['a: "yes"', 'b: "on"', 'c: "1.0"']) expect(printed).toContain(word);
});

test("JSON is read like YAML", () => {
  const text = JSON.stringify({
    apiVersion: "selvedge/v1",
    kind: "Node",
    metadata: { name: "a" },
    spec: { address: "b:1" },
  });
  expect(only(text, "Node").spec.address).toBe("b:1");
});

test("empty documents are no problem", () => {
  expect(decode("---\n---\n# nothing\n---\n")).toEqual({ documents: [], issues: [] });
  expect(decode("")).toEqual({ documents: [], issues: [] });
});

test("a document with a problem is left out and the others stay", () => {
  const good = "apiVersion: selvedge/v1\nkind: Node\nmetadata: { name: a }\nspec: { address: 'b:1' }\n";
  const { documents, issues } = decode(`${good}---\n${good.replace("b:1", "b")}---\n${good}`);
  expect(documents.length).toBe(2);
  expect(issues.map(({ line }) => line)).toEqual([9]);
});

test("the number of documents is bounded", () => {
  const reader = new Reader();
  const place = { source: { file: "a.yaml", position: () => ({ line: 1, col: 1 }) }, start: 0 };
  const node = nodeFrom({ apiVersion: "selvedge/v1", kind: "Site", metadata: { name: "a" } }, place);
  const full = new Array<AnyDocument>(DOCUMENTS_MAX);
  decodeTree(node, full, reader);
  expect(full.length).toBe(DOCUMENTS_MAX);
  expect(reader.issues.map(({ code }) => code)).toEqual(["SV0111"]);
});

test("the number of problems shown is bounded, and the last one says that there are more", () => {
  const { issues } = decode("kind: Kettle\n---\n".repeat(ISSUES_MAX + 5));
  expect(issues.length).toBe(ISSUES_MAX + 1);
  expect(issues.filter(({ code }) => code === "SV0212").length).toBe(1);
});

test("brackets without end are answered, not followed", () => {
  const { documents, issues } = decode("[".repeat(50_000));
  expect(documents).toEqual([]);
  expect(hasErrors(issues)).toBe(true);
});

test("nothing that a terminal obeys gets from a file into a message", () => {
  const text = 'apiVersion: v1\nkind: "\\e[2J\\x9b1m\\u202e\\nService"\n"\\e]0;x\\a": 1\n---\na: [\x1b[2J\n';
  const messages = decode(text).issues.map(({ message, hint = "" }) => message + hint);
  expect(messages.length).toBeGreaterThan(1);
  for (const message of messages) expect(message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
});

test("keys that mean something to objects of the language mean nothing here", () => {
  const text =
    "apiVersion: selvedge/v1\nkind: Site\nmetadata: { name: a, annotations: { constructor: x } }\n__proto__: {}\nspec: { toString: 1, __proto__: {} }\n";
  expect(decode(text).issues.map(({ code }) => code)).toEqual(["SV0206", "SV0206", "SV0206"]);
});

test("whatever is changed in an example, it is answered, and what comes out can be printed and read again", () => {
  const pieces = [
    "",
    " ",
    "\n",
    "  ",
    "-",
    ":",
    "{",
    "}",
    "[",
    "]",
    '"',
    "*",
    "&a ",
    "<<: ",
    "!",
    "0",
    "-1",
    "null",
    "true",
    "\u2028",
    "😀",
    "%2F",
    "spec",
    "kind: List\n",
  ];
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    cut: fc.nat(12),
    put: fc.constantFrom(...pieces),
  });
  fc.assert(
    fc.property(fc.constantFrom(...golden), fc.array(edit, { maxLength: 3 }), ({ text }, edits) => {
      let changed = text.slice(0, 4000);
      for (const { at, cut, put } of edits) {
        const index = Math.floor(at * changed.length);
        changed = changed.slice(0, index) + put + changed.slice(index + cut);
      }
      const { documents } = decode(changed);
      const again = decode(printDocuments(documents));
      expect(hasErrors(again.issues)).toBe(false);
      expect(again.documents.map(meaning)).toEqual(documents.map(meaning));
    }),
    { numRuns: 300 },
  );
});

test("fields of JSON documents have their positions, in Lists and short forms too", () => {
  const named = {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "a" },
    spec: { ports: [{ port: 80 }] },
  };
  const list = { apiVersion: "v1", kind: "List", items: [named, { ...named, metadata: { name: "b" } }] };
  const mesh = { mesh: "store", services: { web: { port: 80, calls: ["orders"] } } };
  const text = [named, list, mesh].map((one) => JSON.stringify(one, null, 2)).join("\n---\n");
  const { documents, issues } = decode(text);
  expect(issues).toEqual([]);
  const at = (name: string, path: readonly (string | number)[]): number[] => {
    const found = documents.find(({ metadata }) => metadata.name === name)!;
    const { line, col } = found.at(path);
    return [line, col];
  };
  const lines = text.split("\n");
  const lineOf = (part: string, from = 0) => lines.findIndex((line, index) => index >= from && line.includes(part)) + 1;
  expect(at("b", ["spec", "ports", 0, "port"])).toEqual([lineOf('"port"', lineOf('"b"')), 21]);
  expect(at("b", ["metadata", "name"])).toEqual([lineOf('"name": "b"'), 17]);
  expect(at("web", ["spec", "calls", 0])).toEqual([lineOf('"orders"'), 9]);
  expect(at("store", ["spec", "outbound"])).toEqual([lineOf('"mesh"') - 1, 1]);
});
