/** What a token that is bound to hardware is worth, as whoever makes one is told. */
import { expect, test } from "bun:test";
import { auditLines, SiteOfNodes } from "../../support/site-of-nodes.ts";

const EK = "ab".repeat(32);

test("a bound token is printed with a warning that a binding proves nothing, and keeps out who does not show it", async () => {
  await using site = new SiteOfNodes();
  const first = await site.start(1);
  const invite = (...args: readonly string[]) => first.cli("node", "invite", "till-2", ...args);

  expect((await invite()).stderr).not.toContain("WARNING");
  const serial = await invite("--bind", "serial:NO-SUCH-MACHINE-1");
  expect(serial.stderr).toContain("WARNING: --bind proves nothing: a machine says whatever serial number it wants");
  const json = await invite("--bind", `ek:${EK}`, "-o", "json");
  expect(json.stderr).toContain("WARNING: --bind proves nothing");
  expect(Object.keys(JSON.parse(json.stdout))).toEqual(["token", "node", "address", "expiry"]);

  const bound = await invite("--bind", `EK:${EK}`, "--valid", "14d");
  expect(bound.stderr).toContain(
    "WARNING: --bind proves nothing: the TPM's certificate is public, and no TPM is asked to prove that it has the key; " +
      "it guards against mistakes, not against thieves",
  );
  expect(bound.stderr).not.toContain("only the machine");
  // A script reads the token from there.
  expect(bound.stdout).toMatch(/^\S+\n$/);

  const joined = await site.join(site.node(2), bound.stdout.trim());
  expect(joined.code).toBe(1);
  expect(await auditLines(first, "node-join-refused")).toMatchObject([
    { node: "till-2", detail: "hardware: no ek was shown" },
  ]);
}, 40_000);
