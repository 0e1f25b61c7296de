/** Documents judged for every node of their site, by somebody who may be on none of them. */
import type { AnyDocument } from "../../model/documents.ts";
import { compareIssues, type Issue } from "../../model/issue.ts";
import type { CompileEnv } from "./compile/site.ts";
import { compileFor, decodeSources, type LoadResult } from "./load.ts";

/**
 * Like `loadSources`; but where the documents have several nodes and `env` names none, they are compiled for each. A problem
 * that only some of them have says on which. Records and conditions are those of the node that this machine is by its host
 * name, else of the first. Users are looked up for this machine alone: those of another one cannot be known here.
 */
export function loadForNodes(paths: readonly string[], env: CompileEnv): LoadResult {
  const decoded = decodeSources(paths);
  const nodes = nodesOf(decoded.documents);
  if (env.node !== undefined || nodes.length < 2) return compileFor(decoded, env);
  const results = nodes.map((node): readonly [string, LoadResult] => {
    const resolveUser = node === env.hostname ? env.resolveUser : anyUser();
    return [node, compileFor(decoded, { ...env, node, resolveUser })];
  });
  const own = results.find(([node]) => node === env.hostname) ?? results[0]!;
  return { ...own[1], issues: merged(results) };
}

/** In order of their names. */
function nodesOf(documents: readonly AnyDocument[]): readonly string[] {
  const names = new Set<string>();
  for (const document of documents) {
    if (document.kind === "Node") names.add(document.metadata.name);
    else if (document.kind === "Site" && document.spec.node !== undefined) names.add(document.spec.node);
  }
  return [...names].sort();
}

/** Every name is a user's, each another's, and none of them is a number that a document could name. */
function anyUser(): (name: string) => number {
  const uids = new Map<string, number>();
  return (name) => {
    const uid = uids.get(name) ?? -1 - uids.size;
    uids.set(name, uid);
    return uid;
  };
}

function merged(results: readonly (readonly [node: string, result: LoadResult])[]): Issue[] {
  const found = new Map<string, { readonly issue: Issue; readonly nodes: string[] }>();
  for (const [node, { issues }] of results) {
    for (const issue of issues) {
      const key = JSON.stringify(issue);
      const known = found.get(key) ?? { issue, nodes: [] };
      known.nodes.push(node);
      found.set(key, known);
    }
  }
  const issues = [...found.values()].map(({ issue, nodes }) =>
    nodes.length === results.length ? issue : { ...issue, message: `on ${nodes.join(", ")}: ${issue.message}` },
  );
  return issues.sort(compareIssues);
}
