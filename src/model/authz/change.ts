/** A suggested change to the documents. */
import type { PolicyRuleRecord } from "./record.ts";

/** A value to be added to a list of one rule. */
export interface RuleEdit {
  readonly place: "from" | "to";
  /** Which source or operation. */
  readonly index: number;
  readonly field: string;
  readonly value: string;
}

/** `sentence` has no final period; `yaml` is `""` where no YAML would help. */
interface Suggestion {
  readonly sentence: string;
  readonly yaml: string;
}

export type Change = Suggestion &
  (
    | {
        readonly kind: "edit-rule";
        readonly policy: string;
        readonly rule: number;
        readonly edits: readonly RuleEdit[];
      }
    | { readonly kind: "add-rule"; readonly policy: string; readonly rule: PolicyRuleRecord }
    | { readonly kind: "add-policy"; readonly namespace: string; readonly rule: PolicyRuleRecord }
    /** Nothing that could be written down without knowing what is meant. */
    | { readonly kind: "advice" }
  );

/** What a policy would have to hold for. */
export interface ChangeTarget {
  readonly namespace: string;
  readonly name: string;
  /** Labels that pick the workload; absent for a Service or Gateway. */
  readonly labels?: Readonly<Record<string, string>>;
}
