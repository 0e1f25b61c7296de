import { describe, expect } from "bun:test";
import { testWith } from "../../support/needs.ts";
import { MACHINES_NEEDS } from "../../support/two-machines.ts";
import { TwoNodeShop } from "../../support/two-node-shop.ts";
import { Visitor } from "../../support/visitor.ts";

const metadata = (name: string) => `metadata: { name: ${name}, namespace: prod }`;
const selector = "selector: { matchLabels: { app: payments } }";
/** @param port mode of the one port that payments has, where it is another one. */
const peers = (mode: string, port = mode) => `---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
${metadata("payments")}
spec: { ${selector}, mtls: { mode: ${mode} }, portLevelMtls: { 9003: { mode: ${port} } } }
`;
const PERMISSIVE = peers("PERMISSIVE");
/** Whoever calls from till-1, known or not. */
const ALLOW_TILL_1 = `---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
${metadata("payments-from-till-1")}
spec: { ${selector}, action: ALLOW, rules: [{ from: [{ source: { ipBlocks: ["10.89.7.1/32"] } }], to: [{ operation: { paths: ["/open*"] } }] }] }
`;

describe("plaintext from another machine", () => {
  testWith(MACHINES_NEEDS)(
    "finds nobody where nothing is said, and where PERMISSIVE says so is judged as a caller without identity",
    async () => {
      await using shop = await TwoNodeShop.start();
      await using till = await Visitor.start(shop.lab.machine("till-1").enter);
      const url = `http://${shop.lab.machine("till-2").address}:9003`;
      const headers = { host: "payments.prod" };
      const tell = (path: string) =>
        till.get(`${url}${path}`, { headers, timeoutMs: 2_000 }).then(
          ({ status, headers: lines }) => `${status} ${lines["x-selvedge-reason"] ?? ""}`.trim(),
          () => "nobody",
        );
      expect(await tell("/open")).toBe("nobody");
      await shop.apply({ more: PERMISSIVE });
      expect(await tell("/open")).toBe("403 RBAC");
      await shop.apply({ more: PERMISSIVE + ALLOW_TILL_1 });
      expect([await tell("/open"), await tell("/charge")]).toEqual(["200", "403 RBAC"]);
      const proven = await shop.call("till-1", "orders", "payments", "/headers");
      expect(proven.body).toContain("URI=spiffe://shop.mesh/ns/prod/sa/orders");
      // The port has the last word, in both directions.
      await shop.apply({ more: peers("PERMISSIVE", "STRICT") + ALLOW_TILL_1 });
      expect(await tell("/open")).toBe("nobody");
      await shop.apply({ more: peers("STRICT", "PERMISSIVE") + ALLOW_TILL_1 });
      expect(await tell("/open")).toBe("200");
      await shop.apply({});
      expect(await tell("/open")).toBe("nobody");
    },
  );
});
