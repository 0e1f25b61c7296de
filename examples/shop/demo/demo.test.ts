import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseDemoArguments } from "./arguments.ts";
import { Observations } from "./facts.ts";
import { addressOf } from "./machines.ts";
import { meshCopy, wantedShare } from "./mesh-copy.ts";
import { edgesOf, parseMetrics, requestsIn } from "./metrics.ts";
import { descendantsOf, weigh } from "./weigh.ts";

const mesh = readFileSync(join(import.meta.dir, "../mesh.yaml"), "utf8");

test("--for takes a duration and --nodes 1 or 2, in both spellings and any order, and nothing else is taken", () => {
  expect(parseDemoArguments([])).toEqual({ forMs: undefined, nodes: 1 });
  expect(parseDemoArguments(["--for", "15s"])).toEqual({ forMs: 15_000, nodes: 1 });
  expect(parseDemoArguments(["--for=1m"])).toEqual({ forMs: 60_000, nodes: 1 });
  expect(parseDemoArguments(["--nodes", "2"])).toEqual({ forMs: undefined, nodes: 2 });
  expect(parseDemoArguments(["--nodes=2", "--for", "15s"])).toEqual({ forMs: 15_000, nodes: 2 });
  const wrong = [["--for"], ["--for", "soon"], ["--for", "1s"], ["--loud"], ["--nodes", "3"], ["--nodes"], ["2"]];
  for (const args of [...wrong, ["--for", "15s", "--for", "15s"]])
    expect(parseDemoArguments(args)).toStartWith("usage:");
});

describe("the copy of mesh.yaml", () => {
  test("moves sockets and takes free ports", () => {
    const copy = meshCopy(mesh, { runFolder: "/tmp/x/run", isRoot: true });
    expect(copy).toContain("unix: /tmp/x/run/payments/http.sock");
    expect(copy).not.toContain("/run/shop");
    expect(copy).toContain("outbound: 127.0.0.1:0");
    expect(copy).toContain('run: "unix:uid:61101"');
  });

  test("recognises nobody by uid where there is no root", () => {
    expect(meshCopy(mesh, { runFolder: "/tmp/x", isRoot: false })).not.toContain("run: ");
  });

  test("works for two nodes too, whose addresses are those of the machines", () => {
    const text = readFileSync(join(import.meta.dir, "../two-nodes.yaml"), "utf8");
    const copy = meshCopy(text, { runFolder: "/tmp/x/run", isRoot: true });
    expect(copy).toContain("outbound: 127.0.0.1:0");
    expect(copy).toContain("unix: /tmp/x/run/orders-v2/http.sock");
    for (const [index, name] of ["till-1", "till-2"].entries())
      expect(copy).toContain(`${name}: "${addressOf(index)}:15008"`);
    expect(wantedShare(copy)).toBe(0.01);
  });

  test("tells the share that its weights ask for", () => {
    expect(wantedShare(mesh)).toBe(0.01);
    expect(wantedShare(mesh.replace("weight: 1 ", "weight: 33 "))).toBe(0.25);
    expect(wantedShare("nothing")).toBeUndefined();
  });
});

describe("what was seen", () => {
  const batch = (v2: number, errors = 0) =>
    ({ type: "batch", v1: 100 - v2 - errors, v2, errors, lastError: "lost" }) as const;
  const refusal = { type: "refusal", status: 403, id: "abc", reason: "RBAC" } as const;
  const good = () => {
    const seen = new Observations();
    for (let i = 0; i < 20; i++) seen.batch(batch(1));
    seen.refusal(refusal);
    seen.why = "because";
    seen.restart = { pid: 7, backMs: 30, countBefore: 10, countAfter: 12 };
    return seen;
  };
  const failing = (seen: Observations) => seen.facts().filter((fact) => !fact.holds).length;

  test("holds where everything was as claimed", () => {
    expect(failing(good())).toBe(0);
  });

  test("fails where the split was off by more than a death explains", () => {
    const seen = good();
    for (let i = 0; i < 3; i++) seen.batch(batch(2));
    expect(failing(seen)).toBe(1);
  });

  test("fails where the intruder was let in, even once", () => {
    const seen = good();
    seen.refusal({ ...refusal, status: 200 });
    expect(failing(seen)).toBe(1);
  });

  test("fails where requests were lost without a death, and forgives those of one", () => {
    const seen = good();
    seen.batch(batch(1, 2));
    expect(failing(seen)).toBe(1);
    const killed = good();
    killed.expectDeath();
    killed.batch(batch(1, 2));
    killed.refusal({ ...refusal, status: 0 });
    expect(failing(killed)).toBe(0);
  });

  test("fails where counts went backwards or the worker took too long", () => {
    for (const change of [{ countAfter: 9 }, { backMs: 2_500 }]) {
      const seen = good();
      seen.restart = { pid: 7, backMs: 30, countBefore: 10, countAfter: 12, ...change };
      expect(failing(seen)).toBe(1);
    }
  });

  test("fails where there are two machines and nothing crossed", () => {
    const seen = good();
    seen.crossed = 0;
    expect(failing(seen)).toBe(1);
    seen.crossed = 12;
    expect(failing(seen)).toBe(0);
  });

  test("starts anew when the user changes the weights", () => {
    const seen = good();
    seen.expectShare(0.25);
    seen.batch(batch(7));
    for (let i = 0; i < 2; i++) seen.batch(batch(25));
    expect(failing(seen)).toBe(0);
  });
});

describe("edges from metrics", () => {
  const labels = (code: string, more = "") =>
    `reporter="source",source_canonical_service="web",source_workload_namespace="prod",destination_service_name="orders",destination_service_namespace="prod",response_code="${code}"${more}`;
  const text = [
    "# TYPE istio_requests_total counter",
    `istio_requests_total{${labels("200")}} 98`,
    `istio_requests_total{${labels("503")}} 1`,
    `istio_requests_total{${labels("403")}} 1`,
    `istio_request_duration_milliseconds_bucket{${labels("200", ',le="1"')}} 90`,
    `istio_request_duration_milliseconds_bucket{${labels("200", ',le="5"')}} 100`,
    `istio_request_duration_milliseconds_bucket{${labels("200", ',le="+Inf"')}} 100`,
    'up{quoted="a\\"b"} 1',
  ].join("\n");

  test("sum what belongs together", () => {
    expect(edgesOf(parseMetrics(text))).toEqual([
      { from: "web.prod", to: "orders.prod", requests: 100, errors: 1, refused: 1, crossed: 0, p50Ms: 1, p99Ms: 5 },
    ]);
    expect(requestsIn(parseMetrics(text))).toBe(100);
  });

  test("count what crossed by the word of the machine it came to, and nothing twice", () => {
    const far = labels("200", ',connection_security_policy="mutual_tls"').replace("source", "destination");
    const local = labels("200", ',connection_security_policy="none"').replace("source", "destination");
    const both = `${text}\nistio_requests_total{${far}} 40\nistio_requests_total{${local}} 58`;
    expect(edgesOf(parseMetrics(both))).toMatchObject([{ requests: 100, crossed: 40 }]);
  });
});

test("a process weighs something, and one that is gone cannot be weighed", () => {
  const weight = weigh(descendantsOf(process.pid).slice(0, 1));
  expect(weight?.pssBytes).toBeGreaterThan(1e6);
  expect(weight?.aloneBytes).toBeGreaterThanOrEqual(weight?.pssBytes ?? 0);
  expect(weigh([2 ** 22 + 1])).toBeUndefined();
});
