/** All documents to the records of a snapshot. */
import type { AnyDocument, DocumentOf } from "../../../model/documents.ts";
import { compareIssues, type Issue } from "../../../model/issue.ts";
import type { RouteCondition } from "../../../model/route/condition.ts";
import type { SnapshotRecord } from "../../../model/snapshot.ts";
import { compileCalls } from "./calls.ts";
import { compileConnectionSettings } from "./connection-settings.ts";
import { DocumentSet } from "./document-set.ts";
import { WorkloadIndex } from "./endpoints.ts";
import { compileExternals } from "./externals.ts";
import { GatewayRoutes } from "./gateways.ts";
import { inboundListeners } from "./inbound-listeners.ts";
import { checkWorkloadAddresses, serviceListeners, siteListeners, withoutConflicts } from "./listeners.ts";
import { compileNodes, otherNodeAt } from "./nodes.ts";
import { mtlsOf, PeerAuthentications } from "./peer-authentications.ts";
import { compilePolicies } from "./policies.ts";
import { PortRoutes } from "./port-routes.ts";
import { Report } from "./report.ts";
import { RouteParents } from "./route-parents.ts";
import { compileServices } from "./services.ts";
import { type CompileEnv, compileSite } from "./site.ts";
import { compileWorkloads, nodeOf } from "./workloads.ts";

/** What a set of documents comes to. */
export interface CompileResult {
  /** Ordered by key, `site` aside, so that equal documents give equal bytes. Not to be served where an issue is an error. */
  readonly records: readonly SnapshotRecord[];
  readonly issues: readonly Issue[];
  readonly conditions: readonly RouteCondition[];
}

/** Compiles decoded documents. Never throws for what is written in them: every problem is an issue. */
export function compile(documents: readonly AnyDocument[], env: CompileEnv): CompileResult {
  const report = new Report();
  const set = new DocumentSet(documents, report);
  const site = compileSite(set, env, report);
  const policies = compilePolicies(set.all("AuthorizationPolicy"), {
    rootNamespace: site.spec.rootNamespace,
    trustDomain: site.spec.trustDomain,
    trustDomainAliases: site.spec.trustDomainAliases,
  });
  const targetPolicies = (document: DocumentOf<"Service" | "Gateway" | "ServiceEntry">) =>
    policies.refsForTarget(document.kind, document.metadata.namespace, document.metadata.name);
  const peers = new PeerAuthentications(set.all("PeerAuthentication"), site.spec.rootNamespace, report);
  const workloadLinks = {
    calls: (document: DocumentOf<"Workload">) => compileCalls(document, set, report),
    policies: (document: DocumentOf<"Workload">) => policies.refsForWorkload(document.metadata),
    mtls: (document: DocumentOf<"Workload">) => mtlsOf(peers.modeOf(document)),
  };
  const routes = new PortRoutes();
  const gateways = new GatewayRoutes(set);
  new RouteParents(set, routes, gateways, report).attachAll();
  const workloads = new WorkloadIndex(set.all("Workload"));
  const serviceLinks = {
    workloads,
    routes,
    settings: compileConnectionSettings(set, report),
    policies: targetPolicies,
  };
  const nodes = compileNodes(set, site, report);
  const placed = [
    ...siteListeners(site),
    ...serviceListeners(set.all("Service"), report),
    ...gateways.listeners(targetPolicies, (address) => otherNodeAt(nodes, address)),
    ...inboundListeners(set, workloads, peers, site, report),
  ];
  const listeners = withoutConflicts(placed, report);
  checkWorkloadAddresses(set, placed, (workload) => nodeOf(workload, site) === site.record.node, report);
  const records: SnapshotRecord[] = [
    site.record,
    ...nodes,
    ...listeners,
    ...compileWorkloads(set.all("Workload"), site, workloadLinks, env, report),
    ...compileServices(set.all("Service"), site, serviceLinks, report),
    ...compileExternals(set, targetPolicies, report),
    ...policies.records,
  ];
  const issues = [...report.issues, ...policies.issues, ...policies.unattached()];
  return { records: ordered(records), issues: distinct(issues), conditions: report.conditions };
}

function ordered(records: readonly SnapshotRecord[]): SnapshotRecord[] {
  const [site, ...rest] = records;
  rest.sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
  return site === undefined ? [] : [site, ...rest];
}

/** A route that stands at a Service and at a Gateway is compiled for each; what is wrong with it is said once. */
function distinct(issues: readonly Issue[]): Issue[] {
  const seen = new Map<string, Issue>();
  for (const issue of issues)
    seen.set(`${issue.file}:${issue.line}:${issue.col} ${issue.code} ${issue.message}`, issue);
  return [...seen.values()].sort(compareIssues);
}
