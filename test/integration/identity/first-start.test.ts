import { expect, setDefaultTimeout, test } from "bun:test";
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IdentityDescription } from "../../../src/keeper/identity/describe-identity.ts";
import { MeshProcess } from "../../support/mesh-process.ts";
import { SiteOfNodes } from "../../support/site-of-nodes.ts";

setDefaultTimeout(60_000);

const ALONE = `apiVersion: selvedge/v1
kind: Site
metadata: { name: store }
spec: { trustDomain: store.example, outbound: "127.0.0.1:0", metrics: "127.0.0.1:0" }
`;

async function listed(mesh: MeshProcess): Promise<IdentityDescription> {
  const { code, stdout, stderr } = await mesh.cli("identity", "list", "-o", "json");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as IdentityDescription;
}

const identityOf = async (mesh: MeshProcess): Promise<Readonly<Record<string, unknown>>> =>
  ((await mesh.admin({ op: "status" })) as { identity: Record<string, unknown> }).identity;

test("a node alone makes a root once, after it serves, offers to back it up, and shows it", async () => {
  await using mesh = new MeshProcess(ALONE);
  await mesh.start();
  expect(existsSync(join(mesh.state, "identity"))).toBe(false);
  await mesh.event("identity", 0, ({ what }) => what === "founded");
  const { certificates, holdsRoot } = await listed(mesh);
  expect(certificates.map(({ name, state }) => [name, state])).toEqual([["root", "valid"]]);
  expect(holdsRoot).toBe(true);
  expect(mesh.stderr).toBe(
    "selvedge: this site has a root of its own now; back it up: selvedge identity backup FILE (docs/runbooks.md says why)\n",
  );
  expect(await identityOf(mesh)).toEqual({ state: "unused" });
  expect((await mesh.metrics()).text).not.toContain("selvedge_identity_expiry");
  await mesh.stop();
  await mesh.start();
  await mesh.stop();
  expect(mesh.events.filter(({ event }) => event === "identity")).toHaveLength(1);
  expect(mesh.stderr).toBe("");
});

test("a node with a tunnel tells what ends when, in status and metrics, and makes anew what it is told to", async () => {
  await using site = new SiteOfNodes();
  const mesh = await site.start(1);
  const before = await listed(mesh);
  expect(before.certificates.map(({ name, state }) => [name, state])).toEqual([
    ["root", "valid"],
    ["issuer", "valid"],
    ["node", "valid"],
  ]);
  expect(before.stops.map(({ what }) => what)).toContain("calls between nodes");
  expect(await identityOf(mesh)).toMatchObject({ state: "ready", holdsRoot: true, svids: { count: 1, valid: 1 } });
  // For people: every certificate with its end, and what stops with it.
  const { stdout: told } = await mesh.cli("status");
  const dayOf = (name: string) => (before.certificates.find((one) => one.name === name)?.notAfter ?? "").slice(0, 10);
  expect(told).toMatch(new RegExp(`^root +valid +${dayOf("root")}`, "m"));
  expect(told).toMatch(new RegExp(`^issuer +valid +${dayOf("issuer")}`, "m"));
  const stops = told.slice(told.indexOf("IF NOBODY IS MET FROM NOW ON, THIS STOPS"));
  expect(stops).toMatch(/^calls on this node +never$/m);
  expect(stops).toMatch(new RegExp(`^calls between nodes +${dayOf("root")}`, "m"));
  expect(stops).toMatch(new RegExp(`^letting nodes in, renewing their issuers +${dayOf("root")}`, "m"));
  const { text } = await mesh.metrics();
  for (const { kind, notAfter } of before.certificates) {
    const seconds = Date.parse(notAfter) / 1000;
    expect(text).toContain(`selvedge_identity_expiry_timestamp_seconds{kind="${kind}"} ${seconds}\n`);
  }
  const shown = await mesh.cli("identity", "show", "node");
  expect(shown.stdout.match(/BEGIN CERTIFICATE/g)).toHaveLength(3);
  expect((await mesh.cli("identity", "show", "nobody")).code).toBe(1);
  const rotated = await mesh.cli("identity", "rotate", "--issuer", "-o", "json");
  const after = JSON.parse(rotated.stdout) as IdentityDescription;
  const serial = (list: IdentityDescription, name: string) =>
    list.certificates.find((one) => one.name === name)?.serial ?? "";
  for (const name of ["issuer", "node"]) expect(serial(after, name)).not.toBe(serial(before, name));
  expect(serial(after, "root")).toBe(serial(before, "root"));
  expect((await mesh.cli("identity", "rotate", "--issuer", "--root")).code).toBe(2);
  expect((await mesh.cli("identity", "rotate", "--svids", "--compromised")).code).toBe(2);
});

test("an identity that has rotted stops nothing on the node, and says what is wrong", async () => {
  await using site = new SiteOfNodes();
  const mesh = await site.start(1);
  await mesh.stop();
  for (const name of ["trust", "trust.copy"]) writeFileSync(join(mesh.state, "identity", name), "rot");
  await mesh.start("--node", "till-1");
  await mesh.event("identity", 0, ({ what }) => what === "failed");
  const status = await mesh.status();
  expect(status.degraded).toEqual(["identity"]);
  expect(await identityOf(mesh)).toMatchObject({ state: "failed", trouble: expect.stringContaining("rotten") });
  expect((await mesh.get("nobody.prod")).status).toBe(404);
  expect(readdirSync(mesh.state).filter((name) => name.startsWith("identity"))).toEqual(["identity"]);
});

test("a key-encryption key of no use leaves the node serving, without an identity", async () => {
  await using mesh = new MeshProcess(ALONE);
  const kek = join(mesh.base, "kek");
  writeFileSync(kek, "too short");
  process.env["SELVEDGE_KEK_FILE"] = kek;
  try {
    await mesh.start();
  } finally {
    delete process.env["SELVEDGE_KEK_FILE"];
  }
  const failed = await mesh.event("identity", 0, ({ what }) => what === "failed");
  expect(String(failed["detail"])).toContain("is not 32 bytes");
  expect((await mesh.get("nobody.prod")).status).toBe(404);
  expect(existsSync(join(mesh.state, "identity", "site"))).toBe(false);
});
