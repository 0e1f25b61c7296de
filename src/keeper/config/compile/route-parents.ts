/** Where routes attach, and the conditions that say what became of it. */
import type { DocumentOf, ParentRef, ServicePort } from "../../../model/documents.ts";
import { serviceKey } from "../../../model/names.ts";
import type { RouteCondition, RouteReason } from "../../../model/route/condition.ts";
import type { RoutingCode } from "../../../model/route/issue-codes.ts";
import type { Attachment } from "./attachment.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import type { GatewayRoutes } from "./gateways.ts";
import type { PortRoutes, Route } from "./port-routes.ts";
import type { Report } from "./report.ts";
import { BackendResolver } from "./route-backends.ts";
import { type CompiledRules, compileRules } from "./route-rules.ts";

const CODES: Readonly<Partial<Record<Attachment["reason"], RoutingCode>>> = {
  NoMatchingParent: "SV1101",
  NotAllowedByListeners: "SV1102",
  NoMatchingListenerHostname: "SV1103",
  Conflicted: "SV1104",
};

/** A route at one of its parents. */
interface Parent {
  readonly route: Route;
  /** `namespace/name` of the route. */
  readonly name: string;
  readonly ref: ParentRef;
  /** Position of the parentRef. */
  readonly index: number;
  readonly rules: CompiledRules;
  attachment: Attachment | undefined;
}

/** Attaches routes to Services and Gateways. */
export class RouteParents {
  readonly #documents: DocumentSet;
  readonly #ports: PortRoutes;
  readonly #gateways: GatewayRoutes;
  readonly #report: Report;

  constructor(documents: DocumentSet, ports: PortRoutes, gateways: GatewayRoutes, report: Report) {
    this.#documents = documents;
    this.#ports = ports;
    this.#gateways = gateways;
    this.#report = report;
  }

  /**
   * Attaches all routes. At a Service's port the kinds come in Gateway API's order (GRPCRoute, HTTPRoute, TCPRoute), at a
   * Gateway in order of their names, and the first of different kinds has it.
   */
  attachAll(): void {
    const kinds = ["GRPCRoute", "HTTPRoute", "TCPRoute"] as const;
    const routes = kinds.flatMap((kind): readonly Route[] => this.#documents.all(kind));
    const parents = routes.flatMap((route) => this.#parentsOf(route));
    for (const parent of parents) if (!isGateway(parent.ref)) parent.attachment = this.#attach(parent);
    // Sorting is stable: of equal names the GRPCRoute goes first.
    const atGateways = parents.filter(({ ref }) => isGateway(ref)).sort((a, b) => compareText(a.name, b.name));
    for (const parent of atGateways) parent.attachment = this.#attach(parent);
    for (const { route, ref, rules, attachment } of parents) {
      if (attachment !== undefined) this.#addConditions(route, ref, attachment, rules);
    }
  }

  /** One for each parentRef; a route without any is checked all the same. */
  #parentsOf(route: Route): Parent[] {
    const resolver = new BackendResolver(this.#documents, this.#ports, this.#report);
    const compiled = new Map<boolean, CompiledRules>();
    const rulesFor = (isAtGateway: boolean): CompiledRules => {
      const rules = compiled.get(isAtGateway) ?? compileRules(route, resolver, isAtGateway, this.#report);
      compiled.set(isAtGateway, rules);
      return rules;
    };
    if (route.spec.parentRefs.length === 0) rulesFor(false);
    const name = qualifiedName(route);
    return route.spec.parentRefs.map((ref, index) => ({
      route,
      name,
      ref,
      index,
      rules: rulesFor(isGateway(ref)),
      attachment: undefined,
    }));
  }

  #attach({ route, ref, index, rules }: Parent): Attachment {
    const attachment = isGateway(ref) ? this.#toGateway(route, ref, rules) : this.#toService(route, ref, rules, index);
    const code = CODES[attachment.reason];
    if (code !== undefined) {
      const what = `${route.kind} ${qualifiedName(route)}: ${attachment.message}`;
      this.#report.add(route, ["spec", "parentRefs", index], code, what, attachment.hint);
    }
    return attachment;
  }

  #toGateway(route: Route, ref: ParentRef, compiled: CompiledRules): Attachment {
    if (route.kind !== "TCPRoute") return this.#gateways.attach(route, ref, compiled.rules);
    const message = `the listeners of Gateway ${ref.name} take HTTPRoutes and GRPCRoutes only`;
    return { reason: "NotAllowedByListeners", message };
  }

  #toService(route: Route, ref: ParentRef, compiled: CompiledRules, index: number): Attachment {
    const namespace = ref.namespace ?? route.metadata.namespace;
    const name = `${namespace}/${ref.name}`;
    const service = ref.kind === "Service" ? this.#documents.find("Service", namespace, ref.name) : undefined;
    if (service === undefined) {
      const hint = this.#report.didYouMean(name, () => this.#documents.names("Service"));
      return { reason: "NoMatchingParent", message: `${ref.kind} ${name} does not exist`, hint };
    }
    const ports = service.spec.ports.filter(
      (port) =>
        (ref.port === undefined || port.port === ref.port) &&
        (ref.sectionName === undefined || port.name === ref.sectionName),
    );
    if (ports.length === 0) return { reason: "NoMatchingParent", message: `Service ${name} has no such port` };
    if (route.kind !== "TCPRoute" && route.spec.hostnames.length > 0) {
      const message = `${route.kind} ${qualifiedName(route)} has hostnames, which mean nothing for its parent Service ${name}`;
      this.#report.add(route, ["spec", "hostnames"], "SV1105", message);
    }
    return this.#toPorts(route, service, ports, compiled, index);
  }

  #toPorts(
    route: Route,
    service: DocumentOf<"Service">,
    ports: readonly ServicePort[],
    compiled: CompiledRules,
    index: number,
  ): Attachment {
    const fitting = route.kind === "TCPRoute" ? ports : ports.filter((port) => port.appProtocol !== "tcp");
    if (fitting.length === 0) {
      const message = `Service ${qualifiedName(service)} speaks tcp on that port, expected an HTTP port`;
      return { reason: "NoMatchingParent", message };
    }
    const lost = fitting.filter(({ port }) => !this.#attachToPort(service, port, route, compiled));
    if (lost.length === 0) return attached(compiled);
    const numbers = lost.map(({ port }) => port).join(", ");
    const message = `another route has port ${numbers} of Service ${qualifiedName(service)}`;
    if (lost.length === fitting.length) return { reason: "Conflicted", message };
    const what = `${route.kind} ${qualifiedName(route)}: ${message}`;
    this.#report.add(route, ["spec", "parentRefs", index], "SV1104", what);
    return attached(compiled);
  }

  #attachToPort(service: DocumentOf<"Service">, port: number, route: Route, compiled: CompiledRules): boolean {
    if (!this.#ports.attach(service, port, route, compiled.rules)) return false;
    const { namespace, name } = service.metadata;
    if (route.kind === "GRPCRoute") this.#ports.markGrpc(serviceKey(namespace, name), port);
    return true;
  }

  #addConditions(route: Route, ref: ParentRef, attachment: Attachment, compiled: CompiledRules): void {
    const { kind } = route;
    const { namespace, name } = route.metadata;
    const parent = parentLabel(route, ref);
    const add = (type: RouteCondition["type"], isTrue: boolean, reason: RouteReason, message: string): void => {
      const status = isTrue ? "True" : "False";
      this.#report.conditions.push({ kind, namespace, name, parent, type, status, reason, message });
    };
    add("Accepted", attachment.reason === "Accepted", attachment.reason, attachment.message);
    const { refProblem, unsupported, rules } = compiled;
    if (refProblem === undefined) add("ResolvedRefs", true, "ResolvedRefs", "every backendRef resolves");
    else add("ResolvedRefs", false, refProblem.reason, refProblem.message);
    if (unsupported.length > 0 && unsupported.length < rules.length) {
      const message = `rules that answer 500 for a filter that is not supported: ${unsupported.join(", ")}`;
      add("PartiallyInvalid", true, "UnsupportedValue", message);
    }
  }
}

/** A route whose rules are all invalid is not accepted, but it stays in its place: its requests must not go unfiltered. */
function attached(compiled: CompiledRules): Attachment {
  if (compiled.unsupported.length > 0 && compiled.unsupported.length === compiled.rules.length) {
    return { reason: "UnsupportedValue", message: "every rule has a filter that is not supported" };
  }
  return { reason: "Accepted", message: "the route is attached" };
}

function isGateway(ref: ParentRef): boolean {
  return ref.kind === "Gateway";
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function parentLabel(route: Route, ref: ParentRef): string {
  const port = ref.port === undefined ? "" : `:${ref.port}`;
  const section = ref.sectionName === undefined ? "" : `#${ref.sectionName}`;
  return `${ref.kind}/${ref.namespace ?? route.metadata.namespace}/${ref.name}${port}${section}`;
}
