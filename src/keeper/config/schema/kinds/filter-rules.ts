/** Gateway API's rules about filters that stand together. */
import type { HttpFilter, HttpRouteMatch } from "../../../../model/documents.ts";
import type { ReportRule, Rule } from "../object.ts";

interface WithFilters {
  readonly filters: readonly HttpFilter[];
}

interface RuleValue extends WithFilters {
  readonly matches: readonly HttpRouteMatch[];
  readonly backendRefs: readonly WithFilters[];
}

/** Types of which only one may stand in a list. */
const SINGLE: readonly HttpFilter["type"][] = [
  "RequestHeaderModifier",
  "ResponseHeaderModifier",
  "RequestRedirect",
  "URLRewrite",
  "CORS",
];

/** Of most types there may be one, and some exclude each other. */
export function checkTogether({ filters }: WithFilters, report: ReportRule): void {
  const seen = new Set<string>();
  filters.forEach(({ type }, index) => {
    if (SINGLE.includes(type) && seen.has(type))
      report(["filters", index], "SV0404", `${type} filter cannot be repeated`);
    seen.add(type);
  });
  if (seen.has("RequestRedirect") && seen.has("URLRewrite")) {
    report(
      ["filters"],
      "SV0404",
      "May specify either httpRouteFilterRequestRedirect or httpRouteFilterRequestRewrite, but not both",
    );
  }
}

const redirectRule: Rule<RuleValue> = {
  says: "RequestRedirect does not stand beside backendRefs.",
  check(value, report) {
    const index = value.filters.findIndex((filter) => filter.type === "RequestRedirect");
    if (index < 0 || value.backendRefs.length === 0) return;
    report(["filters", index], "SV0406", "RequestRedirect filter must not be used together with backendRefs");
  },
};

function replacesPrefix(filter: HttpFilter): boolean {
  if (filter.type === "RequestRedirect") return filter.requestRedirect.path?.type === "ReplacePrefixMatch";
  return filter.type === "URLRewrite" && filter.urlRewrite.path?.type === "ReplacePrefixMatch";
}

function checkPrefix(
  value: RuleValue,
  filters: readonly HttpFilter[],
  path: readonly (string | number)[],
  report: ReportRule,
): void {
  const hasOnePrefix = value.matches.length === 1 && value.matches[0]!.path.type === "PathPrefix";
  if (hasOnePrefix) return;
  filters.forEach((filter, index) => {
    if (!replacesPrefix(filter)) return;
    const message = `When using ${filter.type} filter with path.replacePrefixMatch, exactly one PathPrefix match must be specified`;
    report([...path, "filters", index], "SV0405", message);
  });
}

/** Rules of one HTTPRoute rule. */
export const filterRules: readonly Rule<RuleValue>[] = [
  { says: "A filter type stands once; RequestRedirect and URLRewrite exclude each other.", check: checkTogether },
  redirectRule,
  {
    says: "`replacePrefixMatch` needs exactly one match, with a path of type PathPrefix.",
    check(value, report) {
      checkPrefix(value, value.filters, [], report);
      value.backendRefs.forEach((ref, index) => {
        checkPrefix(value, ref.filters, ["backendRefs", index], report);
      });
    },
  },
];

/** Rules of the filters of one backend. */
export const backendFiltersRule: Rule<WithFilters> = {
  says: "Filters of a backend edit headers or rewrite; everything else belongs to the rule.",
  check(value, report) {
    checkTogether(value, report);
    value.filters.forEach(({ type }, index) => {
      if (type === "RequestRedirect" || type === "CORS" || type === "RequestMirror") {
        report(
          ["filters", index],
          "SV0211",
          `${type} is not supported in a backendRef`,
          "move it to the filters of the rule",
        );
      }
    });
  },
};
