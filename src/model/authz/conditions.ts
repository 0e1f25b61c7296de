/** The keys of `when`, and what each of them asks. */
import type { Check, CheckMode } from "./check.ts";
import { HeaderCheck } from "./header-check.ts";
import { InvalidPolicyError } from "./invalid-policy.ts";
import { PortCheck } from "./operation-checks.ts";
import type { ConditionRecord } from "./record.ts";
import { AbsentSniCheck, AbsentTokenCheck, AddressCheck, CallerCheck } from "./source-checks.ts";

/** Every condition key that is understood, `X`, `a`, `b` standing for names of the author's choice. */
export const CONDITION_KEYS: readonly string[] = [
  "request.headers[X]",
  "source.ip",
  "remote.ip",
  "source.namespace",
  "source.principal",
  "source.serviceAccount",
  "request.auth.principal",
  "request.auth.audiences",
  "request.auth.presenter",
  "request.auth.claims[a][b]",
  "destination.ip",
  "destination.port",
  "connection.sni",
];

type CheckFactory = (key: string, values: readonly string[], mode: CheckMode) => Check;

const token: CheckFactory = (key, values, mode) => new AbsentTokenCheck(key, values, mode);

const FACTORIES: ReadonlyMap<string, CheckFactory> = new Map<string, CheckFactory>([
  ["source.ip", (key, values, mode) => new AddressCheck(key, "source", values, mode)],
  ["remote.ip", (key, values, mode) => new AddressCheck(key, "remote", values, mode)],
  ["destination.ip", (key, values, mode) => new AddressCheck(key, "destination", values, mode)],
  ["source.namespace", (key, values, mode) => new CallerCheck(key, "namespace", values, mode)],
  ["source.principal", (key, values, mode) => new CallerCheck(key, "principal", values, mode)],
  ["source.serviceAccount", (key, values, mode) => new CallerCheck(key, "serviceAccount", values, mode)],
  ["destination.port", (key, values, mode) => new PortCheck(key, values.map(portNumber), mode)],
  ["connection.sni", (key, values, mode) => new AbsentSniCheck(key, values, mode)],
  ["request.auth.principal", token],
  ["request.auth.audiences", token],
  ["request.auth.presenter", token],
]);

const HEADER_KEY = /^request\.headers\[([!#$%&'*+.^_`|~0-9A-Za-z-]+)\]$/;
const CLAIMS_KEY = /^request\.auth\.claims(\[[^[\]]+\])+$/;

/** The header name of a `request.headers[…]` key, lower case; `undefined` for every other key. */
export function headerOfCondition(key: string): string | undefined {
  return HEADER_KEY.exec(key)?.[1]?.toLowerCase();
}

/** What is wrong with a condition key, or `undefined`. */
export function conditionKeyProblem(key: string): string | undefined {
  const header = headerOfCondition(key);
  // The proxy owns and rewrites Host; policy has a field of its own for it, without port and case.
  if (header === "host") return `condition key ${JSON.stringify(key)} is not available, the field operation.hosts is`;
  if (header !== undefined || FACTORIES.has(key) || CLAIMS_KEY.test(key)) return undefined;
  if (key.startsWith("experimental.")) return `condition key ${JSON.stringify(key)} is not supported`;
  return `condition key ${JSON.stringify(key)} is not known`;
}

/** The one or two checks of a condition. Throws InvalidPolicyError. */
export function checksOfCondition(record: ConditionRecord, isWidening: boolean): Check[] {
  const problem = conditionKeyProblem(record.key);
  if (problem !== undefined) throw new InvalidPolicyError(problem);
  const checks: Check[] = [];
  if (record.values !== undefined) checks.push(checkFor(record.key, record.values, { isNegated: false, isWidening }));
  if (record.notValues !== undefined) {
    checks.push(checkFor(record.key, record.notValues, { isNegated: true, isWidening }));
  }
  if (checks.length === 0) throw new InvalidPolicyError(`condition ${record.key} has neither values nor notValues`);
  return checks;
}

function checkFor(key: string, values: readonly string[], mode: CheckMode): Check {
  if (values.length === 0) throw new InvalidPolicyError(`condition ${key} has an empty list of values`);
  const header = headerOfCondition(key);
  if (header !== undefined) return new HeaderCheck(header, values, mode);
  return (FACTORIES.get(key) ?? token)(key, values, mode);
}

/** A port from its text. Throws InvalidPolicyError unless it is 1 to 65535 in plain digits. */
export function portNumber(text: string): number {
  const port = /^[1-9][0-9]{0,4}$/.test(text) ? Number(text) : 0;
  if (port < 1 || port > 65535) throw new InvalidPolicyError(`${JSON.stringify(text)} is not a port (1 to 65535)`);
  return port;
}
