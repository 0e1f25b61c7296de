/** Suggested changes as YAML in the author's own vocabulary. Whatever could be read as YAML is quoted: it may come from a request. */
import type { ChangeTarget, RuleEdit } from "./change.ts";
import type { OperationRecord, PolicyRuleRecord, SourceRecord } from "./record.ts";
import type { RuleTrace } from "./trace.ts";

/** Values of a list that are shown around the one that is added. */
const VALUES_SHOWN_MAX = 8;

/** One item of `spec.rules`, indented as it stands there. */
export function ruleYaml(rule: PolicyRuleRecord): string {
  const lines: string[] = [];
  for (const source of rule.from ?? []) lines.push(`from: [{ source: ${fields(source)} }]`);
  for (const operation of rule.to ?? []) lines.push(`to: [{ operation: ${fields(operation)} }]`);
  return [`- ${lines[0] ?? "{}"}`, ...lines.slice(1).map((line) => `  ${line}`)].join("\n");
}

/** A whole policy for one target. */
export function policyYaml(target: ChangeTarget, rule: PolicyRuleRecord): string {
  const indented = ruleYaml(rule)
    .split("\n")
    .map((line) => `    ${line}`);
  return [
    "apiVersion: security.istio.io/v1",
    "kind: AuthorizationPolicy",
    `metadata: { name: ${quoted(`allow-to-${target.name}`)}, namespace: ${quoted(target.namespace)} }`,
    "spec:",
    ...scope(target),
    "  rules:",
    ...indented,
  ].join("\n");
}

/** The lists of a rule as they are to be. `shorten` writes a principal as an author would. */
export function editYaml(rule: RuleTrace, edits: readonly RuleEdit[], shorten: (principal: string) => string): string {
  return edits
    .map((edit) => {
      const field = rule.fields.find((one) => {
        return one.place === edit.place && one.index === edit.index && one.field === edit.field;
      });
      const wanted = field?.wanted ?? [];
      const values = edit.field === "principals" ? [...new Set(wanted.map(shorten))] : wanted;
      const shown = values.length > VALUES_SHOWN_MAX ? [] : values.map(quoted);
      const rest = values.length > VALUES_SHOWN_MAX ? `  # and the ${values.length} that are there` : "";
      const part = edit.place === "from" ? "source" : "operation";
      const list = [...shown, quoted(edit.value)].join(", ");
      return `# rules[${rule.rule}].${edit.place}[${edit.index}].${part}\n${edit.field}: [${list}]${rest}`;
    })
    .join("\n");
}

function scope(target: ChangeTarget): string[] {
  if (target.labels === undefined)
    return [`  targetRefs: [{ kind: Service, group: "", name: ${quoted(target.name)} }]`];
  const labels = Object.entries(target.labels).map(([key, value]) => `${quoted(key)}: ${quoted(value)}`);
  return [`  selector: { matchLabels: { ${labels.join(", ")} } }`];
}

function fields(record: SourceRecord | OperationRecord): string {
  const parts = Object.entries(record).map(([name, values]: [string, readonly (string | number)[]]) => {
    return `${name}: [${values.map((value) => quoted(String(value))).join(", ")}]`;
  });
  return `{ ${parts.join(", ")} }`;
}

function quoted(text: string): string {
  const isPlain = /^[A-Za-z/][A-Za-z0-9./-]*$/.test(text) && !/^(true|false|null|yes|no|on|off|y|n)$/i.test(text);
  return isPlain ? text : JSON.stringify(text);
}
