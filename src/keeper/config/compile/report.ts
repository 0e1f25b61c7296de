/** Collects what compiling finds. */
import { nearestName } from "../../../base/nearest-name.ts";
import type { FieldPath } from "../../../model/documents.ts";
import type { Issue, Origin } from "../../../model/issue.ts";
import type { RouteCondition } from "../../../model/route/condition.ts";
import { ROUTING_CODES, type RoutingCode } from "../../../model/route/issue-codes.ts";

/** Anything that knows where its fields were written. */
export interface Located {
  readonly at: (path: FieldPath) => Origin;
}

/** Most hints that search for the nearest name. Reason: a search looks at every name, and a folder moved away breaks them all. */
export const NEAREST_SEARCHES_MAX = 64;

/** Issues and conditions of one compilation. */
export class Report {
  #searches = 0;
  readonly issues: Issue[] = [];
  readonly conditions: RouteCondition[] = [];

  /** Adds an issue at a field; severity comes from the table. */
  add(document: Located, path: FieldPath, code: RoutingCode, message: string, hint?: string): void {
    const { file, line, col } = document.at(path);
    const issue = { file, line, col, severity: ROUTING_CODES[code].severity, code, message };
    this.issues.push(hint === undefined ? issue : { ...issue, hint });
  }

  /** The hint that names the nearest known name; `undefined` where none is near or the searches are used up. */
  didYouMean(name: string, known: () => Iterable<string>): string | undefined {
    if (this.#searches++ >= NEAREST_SEARCHES_MAX) return undefined;
    const near = nearestName(name, known());
    return near === undefined ? undefined : `did you mean ${near}?`;
  }
}
