import type { AuthorizationPolicySpec, PolicyTargetRef, WorkloadSelector } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { declareKind } from "../kind.ts";
import { dnsLabel, dnsName, labels } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { policyRule } from "./policy-rule.ts";
import { apiGroup, GATEWAY_GROUP, kindName } from "./references.ts";

/** Most rules of one policy (Istio). */
export const POLICY_RULES_MAX = 512;
/** Most targets of one policy (Istio). */
export const TARGET_REFS_MAX = 16;

/** Which workloads of the namespace a policy is for. */
export const workloadSelector: Schema<WorkloadSelector> = object("WorkloadSelector", {
  matchLabels: withDefault(labels, "Labels that the workload must have; none: all of the namespace.", {}),
});

/** The API group of each kind that a policy can target. */
const TARGET_GROUPS: Readonly<Record<string, string>> = {
  Service: "",
  Gateway: GATEWAY_GROUP,
  ServiceEntry: "networking.istio.io",
};

const targetRule: Rule<PolicyTargetRef> = {
  says: 'A target is a Service (`group: ""`), a Gateway or a ServiceEntry (`group: networking.istio.io`).',
  check({ group, kind }, report) {
    const isKnown = Object.hasOwn(TARGET_GROUPS, kind) && TARGET_GROUPS[kind] === group;
    if (!isKnown)
      report(
        ["kind"],
        "SV0410",
        `a policy cannot target ${kind} of group "${group}"`,
        'a target is a Service (group ""), a Gateway (gateway.networking.k8s.io) or a ServiceEntry (networking.istio.io)',
      );
  },
};

const targetRef: Schema<PolicyTargetRef> = object(
  "PolicyTargetReference",
  {
    group: withDefault(apiGroup, "API group of the target.", ""),
    kind: required(kindName, "`Service`, `Gateway` or `ServiceEntry`."),
    name: required(dnsName, "Name of the target."),
    namespace: optional(dnsLabel, "Namespace of the target; only the policy's own.", "<metadata.namespace>"),
  },
  { rules: [targetRule] },
);

const scopeRule: Rule<Pick<AuthorizationPolicySpec, "selector" | "targetRefs">> = {
  says: "`selector` and `targetRefs` exclude each other.",
  check(value, report) {
    if (value.selector === undefined || value.targetRefs.length === 0) return;
    report(["targetRefs"], "SV0401", "only one of targetRefs or selector can be set");
  },
};

const spec = object(
  "AuthorizationPolicySpec",
  {
    selector: optional(workloadSelector, "Workloads that the policy is for.", "all of the namespace"),
    targetRefs: withDefault(
      list(targetRef, { itemsMax: TARGET_REFS_MAX }),
      "Services, Gateways or ServiceEntries that the policy is for.",
      [],
    ),
    action: withDefault(
      oneOf(["ALLOW", "DENY", "AUDIT"], { CUSTOM: "decisions by another service are not supported yet" }),
      "What happens to a request that a rule matches.",
      "ALLOW",
    ),
    rules: optional(
      list(policyRule, { itemsMax: POLICY_RULES_MAX }),
      "Any of these must match. `- {}` matches every request.",
      "matches nothing (for ALLOW: denies everything)",
    ),
  },
  {
    rules: [scopeRule],
    unsupported: {
      targetRef: "write targetRefs, a list",
      provider: "decisions by another service (action CUSTOM) are not supported yet",
    },
  },
);

/** Who may call what: Istio's AuthorizationPolicy. */
export const authorizationPolicyKind = declareKind({
  kind: "AuthorizationPolicy",
  apiVersions: ["security.istio.io/v1", "security.istio.io/v1beta1"],
  doc: 'Who may call what. The annotation `istio.io/dry-run: "true"` counts and logs what it would decide, and decides nothing.',
  isSpecRequired: false,
  spec,
  // An empty list and none at all mean the same to Istio: a policy that matches nothing.
  toModel: (written): AuthorizationPolicySpec => ({
    ...written,
    rules: written.rules?.length === 0 ? undefined : written.rules,
  }),
  toFile: (model) => {
    // CUSTOM never comes out of reading, so it can only be written by a program that made it up.
    if (model.action === "CUSTOM") throw new Error("action CUSTOM cannot be written");
    return { ...model, action: model.action };
  },
});
