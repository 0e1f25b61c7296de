import { describe, expect, test } from "bun:test";
import { type AttestableWorkload, attest, isOwnedBy, NO_IDENTITY, type OwnerFacts } from "./attest.ts";
import type { CallerSelector } from "./snapshot.ts";

const uid = (n: number): CallerSelector => ({ type: "uid", uid: n });
const cgroup = (path: string): CallerSelector => ({ type: "cgroup", path });
const unit = (name: string): CallerSelector => ({ type: "systemd", unit: name });
const exe = (path: string): CallerSelector => ({ type: "path", path });

function workload(name: string, selectors: CallerSelector[][], serviceAccount = name): AttestableWorkload {
  return { key: `workload/prod/${name}`, principal: `site.example/ns/prod/sa/${serviceAccount}`, selectors };
}

function owner(facts: Partial<OwnerFacts>): OwnerFacts {
  return { uid: 1000, cgroupPath: undefined, exe: undefined, run: undefined, ...facts };
}

const web = workload("web", [[uid(1000)]]);

describe("attest", () => {
  test("names the workload whose uid owns the socket", () => {
    expect(attest(owner({}), [web])).toEqual({ workload: web.key, strength: "uid" });
    expect(attest(owner({ uid: 1001 }), [web])).toBe(NO_IDENTITY);
  });

  test("wants every selector of an entry, and any of the entries", () => {
    const both = workload("both", [[uid(1000), cgroup("/shop")], [uid(7)]]);
    expect(attest(owner({}), [both])).toBe(NO_IDENTITY);
    expect(attest(owner({ cgroupPath: "/shop/a" }), [both]).strength).toBe("cgroup");
    expect(attest(owner({ uid: 7 }), [both]).workload).toBe(both.key);
  });

  test("lets a cgroup stand for its subtree, never for a name that only begins the same, never for the root", () => {
    const shop = workload("shop", [[cgroup("/shop")]]);
    expect(attest(owner({ cgroupPath: "/shop/a/b" }), [shop]).workload).toBe(shop.key);
    expect(attest(owner({ cgroupPath: "/shopping" }), [shop])).toBe(NO_IDENTITY);
    expect(attest(owner({ cgroupPath: "/x" }), [workload("all", [[cgroup("/")]])])).toBe(NO_IDENTITY);
  });

  test("takes the innermost systemd unit only", () => {
    const orders = workload("orders", [[unit("orders.service")]]);
    expect(attest(owner({ cgroupPath: "/system.slice/orders.service" }), [orders]).strength).toBe("cgroup");
    expect(attest(owner({ cgroupPath: "/system.slice/orders.service/worker" }), [orders]).strength).toBe("cgroup");
    expect(attest(owner({ cgroupPath: "/system.slice/orders.service/x.service" }), [orders])).toBe(NO_IDENTITY);
  });

  test("prefers the deeper cgroup, the entry with more selectors, and a cgroup to a uid", () => {
    const outer = workload("outer", [[cgroup("/shop")]]);
    const inner = workload("inner", [[cgroup("/shop/inner")]]);
    const narrow = workload("narrow", [[uid(1000), cgroup("/shop")]]);
    expect(attest(owner({ cgroupPath: "/shop/inner" }), [inner, outer]).workload).toBe(inner.key);
    expect(attest(owner({ cgroupPath: "/shop/inner" }), [outer, inner, web]).workload).toBe(inner.key);
    expect(attest(owner({ cgroupPath: "/shop/inner" }), [outer, inner, narrow]).workload).toBe(narrow.key);
  });

  test("gives no identity where two principals are equally likely, and the same one always where they share it", () => {
    const other = workload("other", [[uid(1000)]]);
    expect(attest(owner({}), [web, other])).toBe(NO_IDENTITY);
    const v1 = workload("web-v1", [[uid(1000)]], "web");
    expect(attest(owner({}), [v1, web]).workload).toBe(web.key);
    expect(attest(owner({}), [web, v1]).workload).toBe(web.key);
  });

  test("forgets an ambiguity that a more specific entry resolves", () => {
    const other = workload("other", [[uid(1000)]]);
    const exact = workload("exact", [[uid(1000), cgroup("/shop")]]);
    expect(attest(owner({ cgroupPath: "/shop" }), [web, other, exact]).workload).toBe(exact.key);
  });

  test("never maps uid 0 unless an entry names it", () => {
    const shop = workload("shop", [[cgroup("/shop")]]);
    expect(attest(owner({ uid: 0, cgroupPath: "/shop" }), [shop])).toBe(NO_IDENTITY);
    const named = workload("named", [[cgroup("/shop"), uid(0)]]);
    expect(attest(owner({ uid: 0, cgroupPath: "/shop" }), [named]).workload).toBe(named.key);
  });

  test("does not trust a path alone", () => {
    const path = workload("path", [[exe("/usr/bin/web")]]);
    expect(attest(owner({ exe: "/usr/bin/web" }), [path])).toBe(NO_IDENTITY);
    const combined = workload("combined", [[exe("/usr/bin/web"), uid(1000)]]);
    expect(attest(owner({ exe: "/usr/bin/web" }), [combined]).workload).toBe(combined.key);
    expect(attest(owner({}), [combined])).toBe(NO_IDENTITY);
  });

  test("knows a registered run by its tree, after selectors, and root's only from root", () => {
    const bare = workload("bare", []);
    const run = { workload: bare.key, registeredByUid: 1000 };
    expect(attest(owner({ run }), [bare])).toEqual({ workload: bare.key, strength: "tree" });
    expect(attest(owner({ run }), [bare, web]).workload).toBe(web.key);
    expect(attest(owner({ uid: 0, run }), [bare])).toBe(NO_IDENTITY);
    expect(attest(owner({ uid: 0, run: { ...run, registeredByUid: 0 } }), [bare]).strength).toBe("tree");
    expect(attest(owner({ run: { ...run, workload: "workload/prod/gone" } }), [bare])).toBe(NO_IDENTITY);
  });
});

describe("isOwnedBy", () => {
  test("refuses a stranger on the port of a workload that has selectors", () => {
    expect(isOwnedBy(web, owner({}))).toBe(true);
    expect(isOwnedBy(web, owner({ uid: 1001 }))).toBe(false);
  });

  test("lets anybody listen for a workload without selectors, except another run", () => {
    const bare = workload("bare", []);
    expect(isOwnedBy(bare, owner({}))).toBe(true);
    expect(isOwnedBy(bare, owner({ run: { workload: bare.key, registeredByUid: 1000 } }))).toBe(true);
    expect(isOwnedBy(bare, owner({ run: { workload: web.key, registeredByUid: 1000 } }))).toBe(false);
  });
});
