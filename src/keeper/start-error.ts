import type { Issue } from "../model/issue.ts";

/** The keeper could not start; it has cleaned up after itself. */
export class StartError extends Error {
  override readonly name = "StartError";
  readonly issues: readonly Issue[];

  constructor(message: string, issues: readonly Issue[] = []) {
    super(message);
    this.issues = issues;
  }
}
