/** backendRefs to Services, or to the reason why their share gets 500. */
import type { BackendRef, FieldPath } from "../../../model/documents.ts";
import { serviceKey } from "../../../model/names.ts";
import type { RoutingCode } from "../../../model/route/issue-codes.ts";
import type { BackendRecord } from "../../../model/route/record.ts";
import type { DocumentSet } from "./document-set.ts";
import type { PortRoutes, Route } from "./port-routes.ts";
import type { Report } from "./report.ts";

/** Why a backendRef does not resolve, in Gateway API's words. */
export type BackendReason = "BackendNotFound" | "RefNotPermitted" | "InvalidKind" | "UnsupportedProtocol";

/** A reference that does not resolve. */
export interface BackendProblem {
  readonly reason: BackendReason;
  readonly message: string;
  readonly hint?: string | undefined;
}

const CODES: Readonly<Record<BackendReason, RoutingCode>> = {
  BackendNotFound: "SV1111",
  RefNotPermitted: "SV1112",
  InvalidKind: "SV1113",
  UnsupportedProtocol: "SV1114",
};

const ROUTE_GROUP = "gateway.networking.k8s.io";

/** Resolves the backendRefs of one route. */
export class BackendResolver {
  readonly #documents: DocumentSet;
  readonly #ports: PortRoutes;
  readonly #report: Report;
  /** The first problem of the route being compiled, for its condition ResolvedRefs. */
  firstProblem: BackendProblem | undefined;

  /** @param ports is told of ports that gRPC is sent to */
  constructor(documents: DocumentSet, ports: PortRoutes, report: Report) {
    this.#documents = documents;
    this.#ports = ports;
    this.#report = report;
  }

  /**
   * @param needsGrant for routes of a Gateway, which may leave their namespace only with a ReferenceGrant; mesh routes
   *   need none (GAMMA)
   */
  resolve(ref: BackendRef, route: Route, path: FieldPath, needsGrant: boolean): BackendRecord {
    const namespace = ref.namespace ?? route.metadata.namespace;
    const problem = this.#problem(ref, route, namespace, needsGrant);
    if (problem === undefined) {
      const service = serviceKey(namespace, ref.name);
      const port = ref.port ?? 0;
      if (route.kind === "GRPCRoute") this.#ports.markGrpc(service, port);
      return { service, port, weight: ref.weight };
    }
    this.firstProblem ??= problem;
    this.#report.add(route, path, CODES[problem.reason], problem.message, problem.hint);
    return { service: null, port: ref.port ?? 0, weight: ref.weight, reason: problem.reason };
  }

  #problem(ref: BackendRef, route: Route, namespace: string, needsGrant: boolean): BackendProblem | undefined {
    if (ref.kind !== "Service" || (ref.group !== "" && ref.group !== "core")) {
      const kind = ref.group === "" ? ref.kind : `${ref.kind}.${ref.group}`;
      return { reason: "InvalidKind", message: `backend ${ref.name} is a ${kind}, expected a Service` };
    }
    const name = `${namespace}/${ref.name}`;
    if (needsGrant && namespace !== route.metadata.namespace && !this.#isGranted(ref, route, namespace)) {
      const message = `no ReferenceGrant in ${namespace} lets ${route.kind}s of ${route.metadata.namespace} refer to Service ${name}`;
      return { reason: "RefNotPermitted", message };
    }
    const service = this.#documents.find("Service", namespace, ref.name);
    if (service === undefined)
      return { reason: "BackendNotFound", message: `Service ${name} does not exist`, ...this.#near(ref, namespace) };
    const port = service.spec.ports.find((candidate) => candidate.port === ref.port);
    if (port === undefined) {
      const hint = `its ports: ${service.spec.ports.map((candidate) => candidate.port).join(", ")}`;
      return { reason: "BackendNotFound", message: `Service ${name} has no port ${ref.port ?? "(none given)"}`, hint };
    }
    if (route.kind !== "TCPRoute" && port.appProtocol === "tcp") {
      return { reason: "UnsupportedProtocol", message: `port ${port.port} of Service ${name} speaks tcp, not HTTP` };
    }
    return undefined;
  }

  #near(ref: BackendRef, namespace: string): { readonly hint: string | undefined } {
    const names = this.#documents.names("Service");
    const near = this.#report.didYouMean(`${namespace}/${ref.name}`, () => names);
    if (near !== undefined) return { hint: near };
    const elsewhere = names.find((name) => name.endsWith(`/${ref.name}`));
    return { hint: elsewhere === undefined ? undefined : `there is ${elsewhere}: add its namespace` };
  }

  #isGranted(ref: BackendRef, route: Route, namespace: string): boolean {
    return this.#documents
      .all("ReferenceGrant")
      .some(
        ({ metadata, spec }) =>
          metadata.namespace === namespace &&
          spec.from.some(
            (from) =>
              from.group === ROUTE_GROUP && from.kind === route.kind && from.namespace === route.metadata.namespace,
          ) &&
          spec.to.some(
            (to) =>
              (to.group === "" || to.group === "core") &&
              to.kind === "Service" &&
              (to.name === undefined || to.name === ref.name),
          ),
      );
  }
}
