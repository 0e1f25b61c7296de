/** Rules of an AuthorizationPolicy (Istio security v1). */
import type {
  AuthorizationCondition,
  AuthorizationOperation,
  AuthorizationRule,
  AuthorizationSource,
} from "../../../../model/documents.ts";
import { ipBlock } from "../addresses.ts";
import { list } from "../collections.ts";
import { dnsLabel } from "../names.ts";
import type { Field, ReportRule, Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { mapped } from "../schema.ts";
import { policyCondition } from "./policy-condition.ts";
import {
  isImpossiblePrincipal,
  policyHost,
  policyMethod,
  policyPath,
  policyPort,
  principal,
  VALUES_MAX,
  wildcardText,
} from "./wildcard-text.ts";

/** Most sources, operations and conditions of one rule (Istio). */
export const RULE_PARTS_MAX = 512;

/** Most service accounts of one source (Istio). */
export const SERVICE_ACCOUNTS_MAX = 16;

/** A list that stands for nothing where it is absent, and must not be empty where it is written: empty could mean all or none. */
export function values(item: Schema<string>, doc: string, itemsMax: number = VALUES_MAX): Field<readonly string[]> {
  return withDefault(list(item, { itemsMin: 1, itemsMax }), doc, []);
}

const serviceAccount = text({
  what: "a service account (name, or namespace/name)",
  pattern: /^(?:[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?\/)?[A-Za-z0-9._-]+$/,
  lengthMax: 320,
});

const namespaceText = wildcardText("a namespace", (value) =>
  /^\*?[-a-z0-9]*\*?$/.test(value) && value.length <= 64 ? undefined : { message: `is not ${dnsLabel.shape.what}` },
);

const JWT = "RequestAuthentication is not supported yet, so no request has these";

/** The fields about JSON Web Tokens are refused, so that the file never has them. */
type WrittenSource = Omit<AuthorizationSource, "requestPrincipals" | "notRequestPrincipals">;

const accountsRule: Rule<WrittenSource> = {
  says: "`serviceAccounts` exclude `principals` and `namespaces`.",
  check(value, report) {
    for (const [accounts, others] of [
      ["serviceAccounts", ["principals", "namespaces"]],
      ["notServiceAccounts", ["notPrincipals", "notNamespaces"]],
    ] as const) {
      const other = others.find((field) => value[field].length > 0);
      if (value[accounts].length > 0 && other !== undefined) {
        report([accounts], "SV0401", `${accounts} and ${other} exclude each other`);
      }
    }
  },
};

const possibleRule: Rule<WrittenSource> = {
  says: "A principal has the form `<trust domain>/ns/<namespace>/sa/<service account>`.",
  check(value, report) {
    for (const field of ["principals", "notPrincipals"] as const) {
      value[field].forEach((item, index) => {
        if (isImpossiblePrincipal(item))
          report([field, index], "SV0415", `no caller can have the principal ${JSON.stringify(item)}`);
      });
    }
  },
};

function checkNotEmpty(value: object, report: ReportRule): void {
  if (Object.values(value).some((item) => Array.isArray(item) && item.length > 0)) return;
  report([], "SV0417", "nothing to match; leave the whole entry out where anything may match");
}

const source: Schema<AuthorizationSource> = mapped(
  object(
    "Source",
    {
      principals: values(principal, "Identities of callers."),
      notPrincipals: values(principal, "Identities that do not match."),
      namespaces: values(namespaceText, "Namespaces of callers."),
      notNamespaces: values(namespaceText, "Namespaces that do not match."),
      serviceAccounts: values(
        serviceAccount,
        "Service accounts of callers; without namespace: of the policy's.",
        SERVICE_ACCOUNTS_MAX,
      ),
      notServiceAccounts: values(serviceAccount, "Service accounts that do not match.", SERVICE_ACCOUNTS_MAX),
      ipBlocks: values(ipBlock, "Addresses that packets come from."),
      notIpBlocks: values(ipBlock, "Addresses that do not match."),
      remoteIpBlocks: values(ipBlock, "Addresses of original clients, where a Gateway trusts `x-forwarded-for`."),
      notRemoteIpBlocks: values(ipBlock, "Addresses that do not match."),
    },
    {
      rules: [{ says: "At least one field is set.", check: checkNotEmpty }, accountsRule, possibleRule],
      unsupported: {
        requestPrincipals: JWT,
        notRequestPrincipals: JWT,
        trustDomains: "write principals with the trust domain",
        notTrustDomains: "write notPrincipals with the trust domain",
      },
    },
  ),
  (written): AuthorizationSource => ({ ...written, requestPrincipals: [], notRequestPrincipals: [] }),
  ({ requestPrincipals: _, notRequestPrincipals: __, ...model }) => model,
);

const operation: Schema<AuthorizationOperation> = object(
  "Operation",
  {
    hosts: values(policyHost, "Hosts that are asked for; case counts for nothing."),
    notHosts: values(policyHost, "Hosts that do not match."),
    ports: values(policyPort, "Ports of the destination."),
    notPorts: values(policyPort, "Ports that do not match."),
    methods: values(policyMethod, "Methods; gRPC is always POST."),
    notMethods: values(policyMethod, "Methods that do not match."),
    paths: values(policyPath, "Normalised paths."),
    notPaths: values(policyPath, "Paths that do not match."),
  },
  { rules: [{ says: "At least one field is set.", check: checkNotEmpty }] },
);

const from = mapped(
  object("From", { source: required(source, "All fields must match.") }),
  (written): AuthorizationSource => written.source,
  (model) => ({ source: model }),
);

const to = mapped(
  object("To", { operation: required(operation, "All fields must match.") }),
  (written): AuthorizationOperation => written.operation,
  (model) => ({ operation: model }),
);

const parts = { itemsMin: 1, itemsMax: RULE_PARTS_MAX };

/** One rule: some source, some operation and all conditions must match. An empty one matches everything. */
export const policyRule: Schema<AuthorizationRule> = object("PolicyRule", {
  from: optional(list(from, parts), "Any of these sources.", "any caller"),
  to: optional(list(to, parts), "Any of these operations.", "anything"),
  when: withDefault<readonly AuthorizationCondition[]>(list(policyCondition, parts), "All of these conditions.", []),
});
