/** One field of a rule as something that can be asked; a rule matches when all of its checks do. */
import type { Caller, ConnectionFacts, RequestFacts } from "../request-facts.ts";

/** What every check can say about itself, for traces. */
interface CheckBase {
  /** As the author wrote it: `principals`, `notPaths`, `request.headers[x-role]`. */
  readonly field: string;
  readonly isNegated: boolean;
  /** The values of the field. */
  readonly wanted: readonly string[];
}

/** Depends on the caller's identity alone, so that its answer can be kept for the caller. */
export interface IdentityCheck extends CheckBase {
  readonly scope: "identity";
  readonly attribute: IdentityAttribute;
  /** The values, where the check is a positive one over exact values; what an index can file it under. */
  readonly exactValues: readonly string[] | undefined;
  matchesCaller(caller: Caller): boolean;
  matches(facts: ConnectionFacts): boolean;
  seen(facts: ConnectionFacts): string;
}

export type IdentityAttribute = "principal" | "namespace" | "serviceAccount";

/** Can be asked of raw TCP as well. */
export interface ConnectionCheck extends CheckBase {
  readonly scope: "connection";
  /** Reads an address that may differ between requests of one connection. */
  readonly readsIp: boolean;
  matches(facts: ConnectionFacts): boolean;
  seen(facts: ConnectionFacts): string;
}

/** Needs an HTTP request. */
export interface RequestCheck extends CheckBase {
  readonly scope: "http";
  readonly input: "method" | "path" | "host" | "none" | "headers";
  /** Lower-case name of the one header that it reads; exactly where `input` is `headers`. */
  readonly header?: string;
  matches(facts: RequestFacts): boolean;
  seen(facts: RequestFacts): string;
}

/** What can be asked of a raw TCP stream. */
export type StreamCheck = IdentityCheck | ConnectionCheck;

export type Check = StreamCheck | RequestCheck;

/**
 * How a check is read. `isNegated`: a `not…` field. `isWidening`: the policy's action is DENY or AUDIT, for which matching
 * too much is the safe error; for ALLOW it is matching too little. Wherever an attribute is missing or ambiguous, the
 * answer goes to the safe side: a missing attribute never satisfies an ALLOW by a `not…` field (Istio's would).
 */
export interface CheckMode {
  readonly isNegated: boolean;
  readonly isWidening: boolean;
}
