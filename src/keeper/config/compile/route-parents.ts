/** Where routes attach, and the conditions that say what became of it. */
import type { DocumentOf, ParentRef, ServicePort } from "../../../model/documents.ts";
import type { RouteCondition, RouteReason } from "../../../model/route/condition.ts";
import type { RoutingCode } from "../../../model/route/issue-codes.ts";
import type { Attachment } from "./attachment.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import type { GatewayRoutes } from "./gateways.ts";
import type { PortRoutes } from "./port-routes.ts";
import type { Report } from "./report.ts";
import { BackendResolver } from "./route-backends.ts";
import { type CompiledRules, compileRules } from "./route-rules.ts";

type Route = DocumentOf<"HTTPRoute"> | DocumentOf<"TCPRoute">;

const CODES: Readonly<Partial<Record<Attachment["reason"], RoutingCode>>> = {
  NoMatchingParent: "SV1101",
  NotAllowedByListeners: "SV1102",
  NoMatchingListenerHostname: "SV1103",
  Conflicted: "SV1104",
};

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

  /** Attaches all routes. HTTPRoutes go before TCPRoutes on a port they share. */
  attachAll(): void {
    for (const route of [...this.#documents.all("HTTPRoute"), ...this.#documents.all("TCPRoute")]) this.#attach(route);
  }

  #attach(route: Route): void {
    const resolver = new BackendResolver(this.#documents, this.#report);
    const compiled = new Map<boolean, CompiledRules>();
    const rulesFor = (isGateway: boolean): CompiledRules => {
      const known = compiled.get(isGateway);
      if (known !== undefined) return known;
      const rules = compileRules(route, resolver, isGateway, this.#report);
      compiled.set(isGateway, rules);
      return rules;
    };
    for (const [index, ref] of route.spec.parentRefs.entries()) {
      const isGateway = ref.kind === "Gateway";
      const rules = rulesFor(isGateway);
      const attachment = isGateway ? this.#toGateway(route, ref, rules) : this.#toService(route, ref, rules, index);
      const code = CODES[attachment.reason];
      if (code !== undefined) {
        const what = `${route.kind} ${qualifiedName(route)}: ${attachment.message}`;
        this.#report.add(route, ["spec", "parentRefs", index], code, what, attachment.hint);
      }
      this.#addConditions(route, ref, attachment, rules);
    }
    // A route that is attached nowhere is still checked.
    if (compiled.size === 0) rulesFor(false);
  }

  #toGateway(route: Route, ref: ParentRef, compiled: CompiledRules): Attachment {
    if (route.kind === "HTTPRoute") return this.#gateways.attach(route, ref, compiled.rules);
    return { reason: "NotAllowedByListeners", message: `the listeners of Gateway ${ref.name} take HTTPRoutes only` };
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
    if (route.kind === "HTTPRoute" && route.spec.hostnames.length > 0) {
      const message = `HTTPRoute ${qualifiedName(route)} has hostnames, which mean nothing for its parent Service ${name}`;
      this.#report.add(route, ["spec", "hostnames"], "SV1105", message);
    }
    return route.kind === "HTTPRoute"
      ? this.#toHttpPorts(route, service, ports, compiled)
      : this.#toTcpPorts(route, service, ports, compiled, index);
  }

  #toHttpPorts(
    route: DocumentOf<"HTTPRoute">,
    service: DocumentOf<"Service">,
    ports: readonly ServicePort[],
    compiled: CompiledRules,
  ): Attachment {
    const http = ports.filter((port) => port.appProtocol !== "tcp");
    if (http.length === 0) {
      const message = `Service ${qualifiedName(service)} speaks tcp on that port, expected an HTTP port`;
      return { reason: "NoMatchingParent", message };
    }
    for (const { port } of http) this.#ports.attachHttp(service, port, route, compiled.rules);
    return attached(compiled);
  }

  #toTcpPorts(
    route: DocumentOf<"TCPRoute">,
    service: DocumentOf<"Service">,
    ports: readonly ServicePort[],
    compiled: CompiledRules,
    index: number,
  ): Attachment {
    const lost = ports.filter(({ port }) => !this.#ports.attachTcp(service, port, route, compiled.rules));
    if (lost.length === 0) return attached(compiled);
    const numbers = lost.map(({ port }) => port).join(", ");
    const message = `another route has port ${numbers} of Service ${qualifiedName(service)}`;
    if (lost.length === ports.length) return { reason: "Conflicted", message };
    const what = `${route.kind} ${qualifiedName(route)}: ${message}`;
    this.#report.add(route, ["spec", "parentRefs", index], "SV1104", what);
    return attached(compiled);
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

function parentLabel(route: Route, ref: ParentRef): string {
  const port = ref.port === undefined ? "" : `:${ref.port}`;
  const section = ref.sectionName === undefined ? "" : `#${ref.sectionName}`;
  return `${ref.kind}/${ref.namespace ?? route.metadata.namespace}/${ref.name}${port}${section}`;
}
