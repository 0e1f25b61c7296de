import { describe, expect, test } from "bun:test";
import type { AnyDocument, DocumentOf } from "../../../model/documents.ts";
import type { ListenerRecord, WorkloadRecord } from "../../../model/snapshot.ts";
import { compileAll, document, issueTexts, service, site, twoNodes, workload } from "./testing.ts";

type Mode = DocumentOf<"PeerAuthentication">["spec"]["mode"];

/** A PeerAuthentication; `app` selects by that label. */
function peers(name: string, mode: Mode, app?: string, ports: Readonly<Record<string, Mode>> = {}) {
  const selector = app === undefined ? undefined : { matchLabels: { app } };
  return document("PeerAuthentication", name, { selector, mode, portLevelMtls: ports });
}

const web = (spec = {}) => workload("web", { node: "till-1", ports: { http: 9000, admin: 9001 }, ...spec });
const webService = () =>
  service("web", {
    ports: [
      { name: "http", port: 80, targetPort: "http", appProtocol: "http" },
      { name: "admin", port: 81, targetPort: 9001, appProtocol: "http" },
    ],
  });

function compiled(...documents: readonly AnyDocument[]) {
  const { records, issues } = compileAll([...twoNodes(), web(), webService(), ...documents]);
  const mtls = records.find((one): one is WorkloadRecord => one.key === "workload/prod/web")?.mtls;
  const inbound = records.filter((one): one is ListenerRecord => one.kind === "listener" && one.role === "inbound");
  return { mtls, ports: inbound.map(({ port }) => port), inbound, codes: issues.map(({ code }) => code) };
}

describe("PeerAuthentication", () => {
  test("is STRICT where nobody says anything", () => {
    expect(compiled()).toMatchObject({ mtls: undefined, ports: [], codes: [] });
    expect(compiled(peers("prod/p", "UNSET"))).toMatchObject({ mtls: undefined, ports: [] });
  });

  const scopes: [string, AnyDocument[], { mode: string; ports: object } | undefined, number[]][] = [
    ["mesh", [peers("selvedge-system/all", "PERMISSIVE")], { mode: "PERMISSIVE", ports: {} }, [9000, 9001]],
    ["namespace", [peers("prod/p", "PERMISSIVE")], { mode: "PERMISSIVE", ports: {} }, [9000, 9001]],
    ["another namespace", [peers("dev/p", "PERMISSIVE")], undefined, []],
    ["workload", [peers("prod/p", "PERMISSIVE", "web")], { mode: "PERMISSIVE", ports: {} }, [9000, 9001]],
    ["another workload", [peers("prod/p", "PERMISSIVE", "orders")], undefined, []],
    ["namespace over mesh", [peers("selvedge-system/all", "PERMISSIVE"), peers("prod/p", "STRICT")], undefined, []],
    ["workload over namespace", [peers("prod/p", "PERMISSIVE"), peers("prod/q", "STRICT", "web")], undefined, []],
    [
      "namespace where the workload's is UNSET",
      [peers("prod/p", "PERMISSIVE"), peers("prod/q", "UNSET", "web")],
      { mode: "PERMISSIVE", ports: {} },
      [9000, 9001],
    ],
    [
      "one port opened",
      [peers("prod/p", "STRICT", "web", { 9001: "PERMISSIVE" })],
      { mode: "STRICT", ports: { 9001: "PERMISSIVE" } },
      [9001],
    ],
    [
      "one port kept",
      [peers("prod/p", "PERMISSIVE", "web", { 9001: "STRICT" })],
      { mode: "PERMISSIVE", ports: { 9001: "STRICT" } },
      [9000],
    ],
    [
      "a port that inherits from the namespace",
      [peers("prod/p", "PERMISSIVE"), peers("prod/q", "UNSET", "web", { 9001: "UNSET" })],
      { mode: "PERMISSIVE", ports: {} },
      [9000, 9001],
    ],
    ["a port that inherits from the default", [peers("prod/p", "UNSET", "web", { 9001: "UNSET" })], undefined, []],
  ];
  for (const [name, documents, mtls, ports] of scopes) {
    test(`holds for its scope: ${name}`, () => {
      expect(compiled(...documents)).toMatchObject({ mtls, ports, codes: [] });
    });
  }

  test("that turns encryption off is told that it cannot, and asks for it all the same", () => {
    expect(compiled(peers("prod/p", "PERMISSIVE"), peers("prod/q", "DISABLE", "web"))).toMatchObject({
      mtls: undefined,
      ports: [],
      codes: ["SV1205"],
    });
  });

  test("beside another of the same scope has no effect, and is told so", () => {
    expect(compiled(peers("prod/b", "STRICT"), peers("prod/a", "PERMISSIVE")).ports).toEqual([9000, 9001]);
    expect(compiled(peers("prod/b", "PERMISSIVE"), peers("prod/a", "STRICT"))).toMatchObject({
      ports: [],
      codes: ["SV1206"],
    });
    expect(compiled(peers("prod/b", "PERMISSIVE", "web"), peers("prod/a", "STRICT", "web"))).toMatchObject({
      ports: [],
      codes: ["SV1206"],
    });
  });

  test("for a port that the workload does not have is told so", () => {
    const result = compileAll([
      ...twoNodes(),
      web(),
      webService(),
      peers("prod/p", "UNSET", "web", { 80: "PERMISSIVE" }),
    ]);
    expect(issueTexts(result)).toEqual([
      "SV1206 PeerAuthentication prod/p is for port 80, which Workload prod/web does not have",
    ]);
  });

  test("with a selector in the root namespace has no effect, as in Istio", () => {
    expect(compiled(peers("selvedge-system/p", "PERMISSIVE", "web"))).toMatchObject({ ports: [], codes: ["SV1206"] });
  });
});

describe("a PERMISSIVE port", () => {
  test("is a listener on the node's address for the first Service by name that targets it", () => {
    const other = service("alias", { selector: { app: "web" } });
    expect(compiled(peers("prod/p", "PERMISSIVE", "web", { 9001: "STRICT" }), other).inbound).toEqual([
      {
        kind: "listener",
        key: "listener/inbound/10.0.0.1:9000",
        role: "inbound",
        hostname: "10.0.0.1",
        port: 9000,
        service: "service/prod/alias",
        servicePort: 80,
        workload: "workload/prod/web",
      },
    ]);
  });

  test("of a workload elsewhere, or that no Service targets, is none", () => {
    const documents = [
      ...twoNodes(),
      peers("prod/p", "PERMISSIVE"),
      web({ node: "till-2" }),
      workload("lone", { node: "till-1" }),
    ];
    const { records, issues } = compileAll([...documents, webService()]);
    expect(records.filter((one) => one.kind === "listener" && one.role === "inbound")).toEqual([]);
    expect(issues).toEqual([]);
  });

  test("listens where the tunnel does if the node's address is a name", () => {
    const named = document("Node", "till-1", { address: "till-1.example:15008" });
    const documents = [named, web(), webService(), peers("prod/p", "PERMISSIVE")];
    const { records } = compileAll([site({ tunnel: "10.0.0.7:15008" }), ...documents]);
    const inbound = records.filter((one) => one.key.startsWith("listener/inbound/")).map((one) => one.key);
    expect(inbound).toEqual(["listener/inbound/10.0.0.7:9000", "listener/inbound/10.0.0.7:9001"]);
    expect(issueTexts(compileAll([site({ tunnel: "0.0.0.0:15008" }), ...documents]))).toEqual([
      "SV1207 PeerAuthentication prod/p lets plaintext reach port 9000 of Workload prod/web, but it is not known where node till-1 is to listen for it (write the IP address of till-1 into a Node document (address: 10.0.0.11:15008) or into Site.spec.tunnel)",
    ]);
  });

  test("may not be where another one, or the workload itself, listens", () => {
    const twin = workload("twin", { node: "till-1", address: "127.0.0.2", ports: { http: 9000 } });
    const documents = [...twoNodes(), service("twin"), webService(), peers("prod/p", "PERMISSIVE")];
    expect(issueTexts(compileAll([...documents, twin, web()]))).toEqual([
      "SV1011 PERMISSIVE for Workload prod/web listens on 10.0.0.1:9000, and PERMISSIVE for Workload prod/twin on 10.0.0.1:9000",
    ]);
    const itself = workload("twin", { node: "till-1", address: "10.0.0.1", ports: { http: 9000 } });
    expect(issueTexts(compileAll([...documents, itself]))).toContain(
      "SV1013 Workload prod/twin listens on 10.0.0.1:9000, and so does PERMISSIVE for Workload prod/twin",
    );
  });
});
