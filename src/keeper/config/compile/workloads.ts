/** Workload documents to records: identity, place, selectors. Calls and policies come from others. */
import type { DocumentOf } from "../../../model/documents.ts";
import { principalOf, workloadKey } from "../../../model/names.ts";
import type { CallerSelector, CallsRecord, PolicyRefs, WorkloadRecord } from "../../../model/snapshot.ts";
import { compileSelector, entryIdentity } from "./caller-selector.ts";
import { qualifiedName } from "./document-set.ts";
import type { Report } from "./report.ts";
import type { CompiledSite, CompileEnv } from "./site.ts";

/** What a workload's record takes from other documents. */
export interface WorkloadLinks {
  calls(document: DocumentOf<"Workload">): CallsRecord | null;
  policies(document: DocumentOf<"Workload">): PolicyRefs;
  mtls(document: DocumentOf<"Workload">): Pick<WorkloadRecord, "mtls">;
}

/** The node a workload runs on, as far as this node is concerned: `nodes: all` is here. */
export function nodeOf(document: DocumentOf<"Workload">, site: CompiledSite): string {
  const { node } = document.spec;
  return node === undefined || node === "all" ? site.record.node : node;
}

/** Compiles all workloads. */
export function compileWorkloads(
  documents: readonly DocumentOf<"Workload">[],
  site: CompiledSite,
  links: WorkloadLinks,
  env: CompileEnv,
  report: Report,
): WorkloadRecord[] {
  const owners = new Map<string, DocumentOf<"Workload">>();
  return documents.map((document) => {
    checkPlacement(document, site, report);
    const node = nodeOf(document, site);
    const isLocal = node === site.record.node;
    // Users of another machine need not exist on this one, and its processes never call from here.
    const selectors = isLocal ? compileSelectors(document, env, report) : [];
    checkAmbiguity(document, selectors, owners, report);
    const { name, namespace, labels } = document.metadata;
    const { serviceAccount } = document.spec;
    return {
      kind: "workload",
      key: workloadKey(namespace, name),
      name,
      namespace,
      serviceAccount,
      principal: principalOf(site.record.trustDomain, namespace, serviceAccount),
      app: firstLabel(labels, ["service.istio.io/canonical-name", "app", "app.kubernetes.io/name"]) ?? name,
      version: firstLabel(labels, ["version", "app.kubernetes.io/version"]) ?? "",
      labels,
      isLocal,
      node,
      ...(document.spec.node === "all" && site.nodes.size > 1 ? { isOnEveryNode: true as const } : {}),
      selectors,
      calls: links.calls(document),
      policies: links.policies(document),
      ...links.mtls(document),
      origin: plainOrigin(document.origin),
    };
  });
}

function checkPlacement(document: DocumentOf<"Workload">, site: CompiledSite, report: Report): void {
  const { node } = document.spec;
  if (node === undefined) {
    if (site.nodes.size < 2) return;
    const names = [...site.nodes].sort().join(", ");
    const message = `Workload ${qualifiedName(document)} names no node, and the site has several: ${names}`;
    report.add(document, ["spec"], "SV1003", message);
  } else if (node !== "all" && !site.nodes.has(node)) {
    const message = `Workload ${qualifiedName(document)} runs on node ${JSON.stringify(node)}, which does not exist`;
    report.add(
      document,
      ["spec", "node"],
      "SV1004",
      message,
      report.didYouMean(node, () => site.nodes),
    );
  }
}

function compileSelectors(
  document: DocumentOf<"Workload">,
  env: CompileEnv,
  report: Report,
): readonly (readonly CallerSelector[])[] {
  const entries: CallerSelector[][] = [];
  for (const [outer, texts] of (document.spec.selectors ?? []).entries()) {
    const entry: CallerSelector[] = [];
    for (const [inner, text] of texts.entries()) {
      const selector = compileSelector(text, env.resolveUser);
      if ("type" in selector) entry.push(selector);
      else report.add(document, ["spec", "selectors", outer, inner], selector.code, selector.message);
    }
    // An entry that lost a selector would recognise more than it was meant to.
    if (entry.length === texts.length) entries.push(entry);
  }
  return entries;
}

function checkAmbiguity(
  document: DocumentOf<"Workload">,
  selectors: readonly (readonly CallerSelector[])[],
  owners: Map<string, DocumentOf<"Workload">>,
  report: Report,
): void {
  for (const [index, entry] of selectors.entries()) {
    const identity = entryIdentity(entry);
    const owner = owners.get(identity);
    if (owner === undefined) {
      owners.set(identity, document);
    } else if (accountOf(owner) !== accountOf(document)) {
      const message = `Workload ${qualifiedName(document)} is recognised exactly as ${qualifiedName(owner)} is, but has another service account`;
      report.add(document, ["spec", "selectors", index], "SV1006", message);
    }
  }
}

function accountOf(document: DocumentOf<"Workload">): string {
  return `${document.metadata.namespace}/${document.spec.serviceAccount}`;
}

function firstLabel(labels: Readonly<Record<string, string>>, keys: readonly string[]): string | undefined {
  const key = keys.find((candidate) => Object.hasOwn(labels, candidate));
  return key === undefined ? undefined : labels[key];
}

/** The position alone, whatever else the object carries. */
export function plainOrigin(origin: { readonly file: string; readonly line: number; readonly col: number }) {
  return { file: origin.file, line: origin.line, col: origin.col };
}
