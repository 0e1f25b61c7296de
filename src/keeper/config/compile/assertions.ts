import { legsOfAssertion, partialRequest } from "../../../model/access/asserted-access.ts";
import { type Because, type Possibility, possibilityOf } from "../../../model/access/possible-access.ts";
import { SnapshotIndex } from "../../../model/access/snapshot-index.ts";
import { checkCalls } from "../../../model/authz/calls.ts";
import { PolicySetFactory } from "../../../model/authz/decide.ts";
import { policyName } from "../../../model/authz/smallest-change.ts";
import type { DocumentOf } from "../../../model/documents.ts";
import type { Issue } from "../../../model/issue.ts";
import type { ServicePortRecord, ServiceRecord, SnapshotRecord } from "../../../model/snapshot.ts";
import { issueAt } from "./policy-issues.ts";

type Assertion = DocumentOf<"Assertion">;

/** Pairs that one assertion names as broken; the rest is counted. Reason: ten show the pattern, hundreds hide the next problem. */
export const BROKEN_PAIRS_SHOWN_MAX = 10;

/**
 * What the assertions say that the records do not keep.
 *
 * `expect: deny` holds only if no request at all could get through: any method and path that the assertion leaves open, any
 * header, from any address, on every backend of every route. `expect: allow` holds only if the request (`GET /` where
 * nothing else is given, to the Service's full name) surely gets through on every backend, from any address.
 */
export function checkAssertions(records: readonly SnapshotRecord[], assertions: readonly Assertion[]): Issue[] {
  if (assertions.length === 0) return [];
  const judge = new AssertionJudge(new SnapshotIndex(records));
  return assertions.flatMap((assertion) => judge.issuesOf(assertion));
}

/** Who may reach what, as far as one assertion asks. */
interface Pair {
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly service: ServiceRecord;
}

class AssertionJudge {
  readonly #index: SnapshotIndex;
  readonly #factory: PolicySetFactory;

  constructor(index: SnapshotIndex) {
    this.#index = index;
    this.#factory = new PolicySetFactory(index.policy, index.site);
  }

  issuesOf(assertion: Assertion): Issue[] {
    const pairs = this.#pairsOf(assertion);
    if (pairs.length === 0) {
      const message = `assertion ${assertion.metadata.name}: no caller ${assertion.spec.from} or no service ${assertion.spec.to}`;
      return [issueAt(assertion, ["spec"], "SV2102", message)];
    }
    const issues: Issue[] = [];
    let broken = 0;
    for (const pair of pairs) {
      const problem = this.#problemOf(assertion, pair);
      if (problem === undefined) continue;
      if (++broken > BROKEN_PAIRS_SHOWN_MAX) continue;
      issues.push(issueAt(assertion, ["spec"], "SV2101", `assertion ${assertion.metadata.name}: ${problem}`));
    }
    if (broken > BROKEN_PAIRS_SHOWN_MAX) {
      const rest = broken - BROKEN_PAIRS_SHOWN_MAX;
      issues.push(
        issueAt(assertion, ["spec"], "SV2101", `assertion ${assertion.metadata.name}: and ${rest} more pairs`),
      );
    }
    return issues;
  }

  #pairsOf({ spec }: Assertion): Pair[] {
    const services = [...this.#index.services.values()].filter((service) =>
      fits(spec.to, service.namespace, service.name),
    );
    const callers = this.#index.accounts.filter((account) => {
      const [namespace, name] = account.split("/");
      return fits(spec.from, namespace ?? "", name ?? "");
    });
    return callers.flatMap((account) => {
      const [namespace = "", serviceAccount = ""] = account.split("/");
      return services.map((service) => ({ namespace, serviceAccount, service }));
    });
  }

  /** Why the assertion does not hold for a pair, or `undefined`. */
  #problemOf(assertion: Assertion, pair: Pair): string | undefined {
    const ports = portsFor(assertion, pair.service);
    for (const port of ports) {
      const problem =
        assertion.spec.expect === "deny" ? this.#opening(assertion, pair, port) : this.#refusal(assertion, pair, port);
      if (problem !== undefined) return problem;
    }
    return undefined;
  }

  /** What lets a pair through that no request of should get through. */
  #opening(assertion: Assertion, pair: Pair, port: ServicePortRecord): string | undefined {
    const callers = this.#index.workloadsOf(pair.namespace, pair.serviceAccount);
    if (!callers.some((caller) => checkCalls(caller.calls, { serviceKey: pair.service.key }).allowed)) return undefined;
    const request = partialRequest(this.#index, pair, port, assertion.spec);
    const atService = this.#atService(pair.service, request);
    if (!atService.mayAllow) return undefined;
    for (const { leg, received } of legsOfAssertion(this.#index, pair, port, request)) {
      const policies = this.#factory.policies(leg.workload.policies);
      const atWorkload = possibilityOf(policies, this.#index.site.defaultAction, received);
      if (!atWorkload.mayAllow) continue;
      const some = request.protocol === "http" && (atWorkload.because.isConditional || atService.because.isConditional);
      const where = `${leg.workload.namespace}/${leg.workload.name}`;
      return `${named(pair)} may reach ${target(pair)} (workload ${where})${some ? " with some requests" : ""}: ${this.#opened(atWorkload.because)}`;
    }
    return undefined;
  }

  /** What may keep a pair from getting through that always should. */
  #refusal(assertion: Assertion, pair: Pair, port: ServicePortRecord): string | undefined {
    const request = partialRequest(this.#index, pair, port, assertion.spec);
    const what = request.protocol === "tcp" ? "" : ` with ${request.facts.method} ${request.facts.path}`;
    const subject = `${named(pair)} may not reach ${target(pair)}${what}`;
    for (const caller of this.#index.workloadsOf(pair.namespace, pair.serviceAccount)) {
      if (checkCalls(caller.calls, { serviceKey: pair.service.key }).allowed) continue;
      return `${subject}: spec.calls of Workload ${caller.namespace}/${caller.name} does not name it`;
    }
    const atService = this.#atService(pair.service, request);
    if (!atService.mustAllow) return `${subject}: ${this.#refused(atService.because)}`;
    const legs = legsOfAssertion(this.#index, pair, port, request);
    if (legs.length === 0) return `${subject}: no route leads it to a workload`;
    for (const { leg, received } of legs) {
      const policies = this.#factory.policies(leg.workload.policies);
      const atWorkload = possibilityOf(policies, this.#index.site.defaultAction, received);
      if (atWorkload.mustAllow) continue;
      return `${subject} (workload ${leg.workload.namespace}/${leg.workload.name}): ${this.#refused(atWorkload.because)}`;
    }
    return undefined;
  }

  #atService(service: ServiceRecord, request: Parameters<typeof possibilityOf>[2]): Possibility {
    return possibilityOf(this.#factory.policies(service.policies), undefined, request);
  }

  #opened({ policy, rule }: Because): string {
    if (policy === undefined) return `no ALLOW policy holds and defaultAction is ${this.#index.site.defaultAction}`;
    return `rule ${rule} of policy ${this.#described(policy)} allows it`;
  }

  #refused({ policy, rule, why, isConditional }: Because): string {
    if (why === "default") return "no ALLOW policy holds and defaultAction is deny";
    if (policy === undefined) return "no rule of its ALLOW policies matches";
    if (why === "broken") return `policy ${this.#described(policy)} cannot be judged`;
    if (why === "deny")
      return `rule ${rule} of DENY policy ${this.#described(policy)} ${isConditional ? "may match" : "matches"}`;
    return `rule ${rule} of policy ${this.#described(policy)} allows it only sometimes`;
  }

  #described(key: string): string {
    const origin = this.#index.policy(key)?.origin;
    return origin === undefined ? policyName(key) : `${policyName(key)} (${origin.file}:${origin.line})`;
  }
}

/** `namespace/name`, either of which may be `*`. */
function fits(pattern: string, namespace: string, name: string): boolean {
  const slash = pattern.indexOf("/");
  const [wantedNamespace, wantedName] = [pattern.slice(0, slash), pattern.slice(slash + 1)];
  return (wantedNamespace === "*" || wantedNamespace === namespace) && (wantedName === "*" || wantedName === name);
}

/** A request that is to be allowed is an HTTP one wherever the Service speaks it; denied must be every port. */
function portsFor({ spec }: Assertion, service: ServiceRecord): readonly ServicePortRecord[] {
  const http = service.ports.filter((port) => port.protocol !== "tcp");
  return spec.expect === "allow" && http.length > 0 ? http : service.ports;
}

function named(pair: Pair): string {
  return `${pair.namespace}/${pair.serviceAccount}`;
}

function target(pair: Pair): string {
  return `${pair.service.namespace}/${pair.service.name}`;
}
