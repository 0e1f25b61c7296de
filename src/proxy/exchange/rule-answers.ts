/** Answers that a rule gives by itself, before any backend is chosen. */
import { isPreflight } from "../../model/route/cors.ts";
import type { HeaderLine } from "../../model/route/header-edits.ts";
import { redirectLocation } from "../../model/route/redirect.ts";
import type { Rule } from "../../model/route/rule.ts";
import type { HeadFacts } from "./head-facts.ts";

/** The request asks what a page of another origin may do, and the rule has an answer to that. */
export function isPreflightFor(rule: Rule, facts: HeadFacts): boolean {
  if (facts.method !== "OPTIONS" || !rule.cors) return false;
  return isPreflight(facts.method, facts.header("origin"), facts.header("access-control-request-method"));
}

/** The lines of the answer to it. Only for a rule that has CORS. */
export function preflightLines(rule: Rule, facts: HeadFacts): readonly HeaderLine[] {
  return rule.cors!.preflight(
    facts.header("origin") ?? "",
    facts.header("access-control-request-method") ?? "",
    facts.header("access-control-request-headers"),
  );
}

/** The lines of a redirect. Only for a rule that has one. @param port at which the request came in. */
export function redirectLines(rule: Rule, facts: HeadFacts, port: number): readonly HeaderLine[] {
  const host = facts.host.includes(":") ? `[${facts.host}]` : facts.host;
  const source = { scheme: "http" as const, host, port, path: facts.path, query: facts.query };
  const value = redirectLocation(rule.filters!.redirect!, source, rule.pathPrefix);
  return [{ name: "location", value }, ...(rule.responseHeaders?.lines ?? [])];
}
