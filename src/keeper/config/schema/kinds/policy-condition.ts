/** Conditions of an AuthorizationPolicy rule. */
import { nearestName } from "../../../../base/nearest-name.ts";
import type { AuthorizationCondition } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import { cidrProblem } from "../ip-address.ts";
import type { Rule } from "../object.ts";
import { object, required, withDefault } from "../object.ts";
import type { Problem } from "../scalars.ts";
import { text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { VALUES_MAX, wildcardText } from "./wildcard-text.ts";

/** What conditions can ask for. */
export const CONDITION_KEYS = [
  "request.headers[NAME]",
  "source.ip",
  "remote.ip",
  "source.namespace",
  "source.principal",
  "source.serviceAccount",
  "destination.ip",
  "destination.port",
] as const;

const HEADER_KEY = /^request\.headers\[[A-Za-z0-9!#$%&'*+\-.^_`|~]+\]$/;

const key = text({
  what: `one of ${CONDITION_KEYS.join(", ")}`,
  code: "SV0301",
  lengthMax: 320,
  problem: keyProblem,
});

function keyProblem(value: string): Problem | undefined {
  if (HEADER_KEY.test(value) || CONDITION_KEYS.some((known) => known === value && !known.includes("[")))
    return undefined;
  if (value.startsWith("request.auth.")) {
    return { message: "is not supported", code: "SV0211", hint: "RequestAuthentication is not supported yet" };
  }
  if (value.startsWith("experimental.") || value.startsWith("connection.")) {
    return { message: "is not supported", code: "SV0211", hint: `supported: ${CONDITION_KEYS.join(", ")}` };
  }
  const near = nearestName(value, CONDITION_KEYS);
  return {
    message: "is not a condition key",
    hint: near === undefined ? `known: ${CONDITION_KEYS.join(", ")}` : `did you mean "${near}"?`,
  };
}

const valuesRule: Rule<AuthorizationCondition> = {
  says: "At least one of `values` and `notValues` is set, with values that the key can have.",
  check(value, report) {
    if (value.values.length + value.notValues.length === 0) report([], "SV0417", "values or notValues must be set");
    for (const field of ["values", "notValues"] as const) {
      value[field].forEach((item, index) => {
        if (value.key.endsWith(".ip")) {
          const problem = cidrProblem(item);
          if (problem !== undefined) report([field, index], "SV0316", `${JSON.stringify(item)} ${problem}`);
        }
        if (value.key === "destination.port" && !(/^[1-9][0-9]{0,4}$/.test(item) && Number(item) <= 65_535)) {
          report([field, index], "SV0302", `${JSON.stringify(item)} is not a port, 1 to 65535`);
        }
      });
    }
  },
};

const conditionValue = wildcardText("a value to compare with");

/** One condition. */
export const policyCondition: Schema<AuthorizationCondition> = object(
  "Condition",
  {
    key: required(key, "What is looked at."),
    values: withDefault(list(conditionValue, { itemsMin: 1, itemsMax: VALUES_MAX }), "One of these must match.", []),
    notValues: withDefault(list(conditionValue, { itemsMin: 1, itemsMax: VALUES_MAX }), "None of these may match.", []),
  },
  { rules: [valuesRule] },
);
