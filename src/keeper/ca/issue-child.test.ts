import { expect, test } from "bun:test";
import { join } from "node:path";
import { NO_BANS } from "../../identity/bans.ts";
import { makeBundle } from "../../identity/bundle.ts";
import { encodeIssueRequest, type IssuedCertificate, type IssueRequest } from "../../identity/issue-protocol.ts";
import { isRefusal } from "../../identity/refusal.ts";
import { verifyChain } from "../../identity/verify.ts";
import { issue } from "./issue-child.ts";

const how = { bun: process.execPath, program: join(import.meta.dir, "issue-main.ts") };
const TD = "store-042.fleet.example";
const nowMs = Date.UTC(2026, 10, 22);

async function issued(request: IssueRequest): Promise<readonly IssuedCertificate[]> {
  const outcome = await issue(how, request);
  if (outcome.kind !== "issued") throw new Error(JSON.stringify(outcome));
  return outcome.issued;
}

test("a root, an issuer and SVIDs come out of children that end, and are believed", async () => {
  const [root] = await issued({ kind: "root", trustDomain: TD, nowMs });
  const [issuer] = await issued({ kind: "issuer", signer: root!, node: "till-1", nowMs });
  const ids = ["web", "orders"].map((account) => `spiffe://${TD}/ns/prod/sa/${account}`);
  const svids = await issued({ kind: "svids", signer: issuer!, ids, nowMs });
  const bundle = makeBundle(TD, 1, [root!.certificate]);
  if (typeof bundle === "string") throw new Error(bundle);
  const trust = { bundles: new Map([[TD, bundle]]), bans: NO_BANS, nowMs };
  for (const svid of svids) expect(isRefusal(verifyChain([svid.certificate, issuer!.certificate], trust))).toBe(false);
});

test("what is refused is answered", async () => {
  expect(await issue(how, { kind: "root", trustDomain: "Not One", nowMs })).toEqual({
    kind: "refused",
    problem: "trust_domain",
  });
});

test("a child that cannot run, dies or says nothing is a failure with a reason", async () => {
  const request: IssueRequest = { kind: "root", trustDomain: TD, nowMs };
  const missing = await issue({ ...how, bun: "/nonexistent/bun" }, request);
  expect(missing.kind).toBe("failed");
  const silent = await issue({ bun: "/bin/true", program: "x" }, request);
  expect(silent).toEqual({ kind: "failed", reason: "issuing ended with 0" });
  const dying = await issue({ bun: "/bin/false", program: "x" }, request);
  expect(dying).toEqual({ kind: "failed", reason: "issuing ended with 1" });
});

test("bytes that are no request are refused by the child itself", async () => {
  const child = Bun.spawn([how.bun, how.program], { stdin: Buffer.from("hello"), stdout: "pipe", stderr: "ignore" });
  expect(await new Response(child.stdout).text()).toContain("request_form");
  expect(await child.exited).toBe(0);
});

test("a child that makes ten SVIDs stays small", async () => {
  const [root] = await issued({ kind: "root", trustDomain: TD, nowMs });
  const [issuer] = await issued({ kind: "issuer", signer: root!, node: "till-1", nowMs });
  const ids = Array.from({ length: 10 }, (_, index) => `spiffe://${TD}/ns/prod/sa/w${index}`);
  const input = encodeIssueRequest({ kind: "svids", signer: issuer!, ids, nowMs });
  const startedAt = performance.now();
  // Its own high-water mark: what the system says to the parent includes the parent's memory at the time of forking.
  const telling = `process.on("exit", () => process.stderr.write(require("node:fs").readFileSync("/proc/self/status")));
    await import(${JSON.stringify(how.program)});`;
  const child = Bun.spawn([how.bun, "-e", telling], { stdin: input, stdout: "ignore", stderr: "pipe" });
  const status = await new Response(child.stderr).text();
  expect(await child.exited).toBe(0);
  const tookMs = performance.now() - startedAt;
  const rssMiB = Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  const cpuMs = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000;
  console.log(
    `issuing child, 10 SVIDs: ${tookMs.toFixed(0)} ms, ${cpuMs.toFixed(0)} ms CPU, ${rssMiB.toFixed(0)} MiB at most`,
  );
  expect(rssMiB).toBeGreaterThan(10);
  expect(rssMiB).toBeLessThan(160);
});
