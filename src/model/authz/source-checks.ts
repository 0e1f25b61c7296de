/** Checks of who is calling and from where. */
import type { Caller, ConnectionFacts, RequestFacts } from "../request-facts.ts";
import type { CheckMode, ConnectionCheck, IdentityAttribute, IdentityCheck, RequestCheck } from "./check.ts";
import { CidrSet } from "./cidr-set.ts";
import { parseIp } from "./ip.ts";
import { StringMatcher } from "./string-matcher.ts";

/** `principals`, `namespaces`, `serviceAccounts` and their negations. Without identity only a negation of a DENY matches. */
export class CallerCheck implements IdentityCheck {
  readonly scope = "identity";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly attribute: IdentityAttribute;
  readonly isNegated: boolean;
  readonly exactValues: readonly string[] | undefined;
  readonly #matchesStranger: boolean;
  readonly #matcher: StringMatcher;

  constructor(field: string, attribute: IdentityAttribute, values: readonly string[], mode: CheckMode) {
    this.field = field;
    this.attribute = attribute;
    this.wanted = values;
    this.isNegated = mode.isNegated;
    this.#matchesStranger = mode.isNegated && mode.isWidening;
    this.#matcher = new StringMatcher(values);
    this.exactValues = mode.isNegated ? undefined : this.#matcher.exactOnly;
  }

  matchesCaller(caller: Caller): boolean {
    if (caller.principal === "") return this.#matchesStranger;
    return this.#matcher.matches(identityOf(caller, this.attribute)) !== this.isNegated;
  }

  matches(facts: ConnectionFacts): boolean {
    return this.matchesCaller(facts.caller);
  }

  seen(facts: ConnectionFacts): string {
    return facts.caller.principal === "" ? "(no identity)" : identityOf(facts.caller, this.attribute);
  }
}

/** The text that an identity check compares. */
export function identityOf(caller: Caller, attribute: IdentityAttribute): string {
  if (attribute === "principal") return caller.principal;
  if (attribute === "namespace") return caller.namespace;
  return `${caller.namespace}/${caller.serviceAccount}`;
}

export type AddressAttribute = "source" | "remote" | "destination";

/** `ipBlocks`, `remoteIpBlocks`, `destination.ip` and their negations. Without an address only a negation of a DENY matches. */
export class AddressCheck implements ConnectionCheck {
  readonly scope = "connection";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly readsIp = true;
  readonly #attribute: AddressAttribute;
  readonly #matchesMissing: boolean;
  readonly #blocks: CidrSet;

  constructor(field: string, attribute: AddressAttribute, blocks: readonly string[], mode: CheckMode) {
    this.field = field;
    this.wanted = blocks;
    this.isNegated = mode.isNegated;
    this.#attribute = attribute;
    this.#matchesMissing = mode.isNegated && mode.isWidening;
    this.#blocks = new CidrSet(blocks);
  }

  matches(facts: ConnectionFacts | RequestFacts): boolean {
    const address = parseIp(this.#text(facts));
    if (address === undefined) return this.#matchesMissing;
    return this.#blocks.has(address) !== this.isNegated;
  }

  seen(facts: ConnectionFacts | RequestFacts): string {
    return this.#text(facts) || "(no address)";
  }

  #text(facts: ConnectionFacts | RequestFacts): string {
    if (this.#attribute === "source") return facts.caller.ip;
    if (this.#attribute === "destination") return facts.destinationIp;
    // Raw TCP has no forwarded address: there the original client is the one that sends the packets.
    return "remoteIp" in facts ? facts.remoteIp : facts.caller.ip;
  }
}

/** `requestPrincipals` and `request.auth.*`: no token is ever verified yet, so no request has them. */
export class AbsentTokenCheck implements RequestCheck {
  readonly scope = "http";
  readonly input = "none";
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly #answer: boolean;

  constructor(field: string, values: readonly string[], mode: CheckMode) {
    this.field = field;
    this.wanted = values;
    this.isNegated = mode.isNegated;
    this.#answer = mode.isNegated && mode.isWidening;
  }

  matches(): boolean {
    return this.#answer;
  }

  seen(): string {
    return "(no verified token)";
  }
}

/** `connection.sni`: callers of this mesh speak no TLS to it, so there is none. */
export class AbsentSniCheck implements ConnectionCheck {
  readonly scope = "connection";
  readonly readsIp = false;
  readonly field: string;
  readonly wanted: readonly string[];
  readonly isNegated: boolean;
  readonly #answer: boolean;

  constructor(field: string, values: readonly string[], mode: CheckMode) {
    this.field = field;
    this.wanted = values;
    this.isNegated = mode.isNegated;
    this.#answer = mode.isNegated && mode.isWidening;
  }

  matches(): boolean {
    return this.#answer;
  }

  seen(): string {
    return "(no TLS)";
  }
}
