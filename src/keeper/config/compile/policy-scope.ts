/** Which policies hold for what. */
import type { PolicyRecord, PolicyRefs } from "../../../model/snapshot.ts";
import type { PolicyDocument } from "./policy-record.ts";

/** What a policy can target besides workloads. */
export type PolicyTargetKind = "Service" | "Gateway" | "ServiceEntry";

export interface ScopedPolicy {
  readonly record: PolicyRecord;
  readonly document: PolicyDocument;
  /** Holds for every workload of its namespace, because it does not say for what it was to hold. */
  readonly isScopeBroken: boolean;
}

interface NamespaceScope {
  readonly everywhere: ScopedPolicy[];
  /** By `key=value` of one of the selector's labels; the others are compared. */
  readonly byLabel: Map<string, ScopedPolicy[]>;
}

/** Policies by namespace, label and target, so that a thousand policies do not meet every one of a thousand workloads. */
export class PolicyScopes {
  readonly #rootNamespace: string;
  readonly #namespaces = new Map<string, NamespaceScope>();
  readonly #targets = new Map<string, ScopedPolicy[]>();
  readonly #used = new Set<ScopedPolicy>();

  constructor(policies: readonly ScopedPolicy[], rootNamespace: string) {
    this.#rootNamespace = rootNamespace;
    for (const policy of policies) this.#file(policy);
  }

  /** Policies of the root namespace, then those of the workload's own; each as far as its selector fits. */
  forWorkload(namespace: string, labels: Readonly<Record<string, string>>): PolicyRefs {
    const found = this.#selected(this.#rootNamespace, labels);
    if (namespace !== this.#rootNamespace) found.push(...this.#selected(namespace, labels));
    return this.#refs(found);
  }

  /** Policies that name the target; they live in its namespace. */
  forTarget(kind: PolicyTargetKind, namespace: string, name: string): PolicyRefs {
    return this.#refs(this.#targets.get(`${kind}/${namespace}/${name}`) ?? []);
  }

  /** Whether any workload or target so far was told of the policy. */
  isUsed(policy: ScopedPolicy): boolean {
    return this.#used.has(policy);
  }

  #file(policy: ScopedPolicy): void {
    const { spec, metadata } = policy.document;
    for (const ref of spec.targetRefs) {
      push(this.#targets, `${ref.kind}/${metadata.namespace}/${ref.name}`, policy);
    }
    if (spec.targetRefs.length > 0 && spec.selector === undefined && !policy.isScopeBroken) return;
    const scope: NamespaceScope = this.#namespaces.get(metadata.namespace) ?? { everywhere: [], byLabel: new Map() };
    this.#namespaces.set(metadata.namespace, scope);
    const label = policy.isScopeBroken ? undefined : Object.entries(spec.selector?.matchLabels ?? {})[0];
    if (label === undefined) scope.everywhere.push(policy);
    else push(scope.byLabel, `${label[0]}=${label[1]}`, policy);
  }

  #selected(namespace: string, labels: Readonly<Record<string, string>>): ScopedPolicy[] {
    const scope = this.#namespaces.get(namespace);
    if (scope === undefined) return [];
    const found = [...scope.everywhere];
    for (const [key, value] of Object.entries(labels)) {
      for (const policy of scope.byLabel.get(`${key}=${value}`) ?? []) if (selects(policy, labels)) found.push(policy);
    }
    return found.sort((a, b) => (a.record.key < b.record.key ? -1 : a.record.key > b.record.key ? 1 : 0));
  }

  #refs(policies: readonly ScopedPolicy[]): PolicyRefs {
    const keys = (action: PolicyRecord["action"]): string[] =>
      policies.filter((policy) => policy.record.action === action).map((policy) => policy.record.key);
    for (const policy of policies) this.#used.add(policy);
    return { deny: keys("DENY"), allow: keys("ALLOW"), audit: keys("AUDIT") };
  }
}

function selects(policy: ScopedPolicy, labels: Readonly<Record<string, string>>): boolean {
  const wanted = Object.entries(policy.document.spec.selector?.matchLabels ?? {});
  return wanted.every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}

function push<T>(lists: Map<string, T[]>, key: string, item: T): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else if (list.at(-1) !== item) list.push(item);
}
