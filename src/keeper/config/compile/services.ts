/** Service documents to records. */
import type { AppProtocol, DocumentOf } from "../../../model/documents.ts";
import { serviceAliases, serviceHost, serviceKey } from "../../../model/names.ts";
import type { RouteTableRecord } from "../../../model/route/record.ts";
import type { PolicyRefs, ServicePortRecord, ServiceRecord } from "../../../model/snapshot.ts";
import type { ConnectionSettings } from "./connection-settings.ts";
import { qualifiedName } from "./document-set.ts";
import { compileEndpoints, type WorkloadIndex } from "./endpoints.ts";
import type { PortRoutes } from "./port-routes.ts";
import type { Report } from "./report.ts";
import type { CompiledSite } from "./site.ts";
import { plainOrigin } from "./workloads.ts";

/** What a Service's record takes from other documents. */
export interface ServiceLinks {
  readonly workloads: WorkloadIndex;
  readonly routes: PortRoutes;
  /** By key of the ServiceRecord. */
  readonly settings: ReadonlyMap<string, ConnectionSettings>;
  policies(document: DocumentOf<"Service">): PolicyRefs;
}

/** Compiles all Services. */
export function compileServices(
  documents: readonly DocumentOf<"Service">[],
  site: CompiledSite,
  links: ServiceLinks,
  report: Report,
): ServiceRecord[] {
  return documents.map((document) => {
    const { name, namespace } = document.metadata;
    const key = serviceKey(namespace, name);
    const { clusterIP } = document.spec;
    return {
      kind: "service",
      key,
      name,
      namespace,
      host: serviceHost(namespace, name),
      aliases: serviceAliases(namespace, name),
      ports: compilePorts(document, key, site, links, report),
      policies: links.policies(document),
      ...(clusterIP === undefined ? {} : { clusterIP }),
      origin: plainOrigin(document.origin),
    };
  });
}

function compilePorts(
  document: DocumentOf<"Service">,
  key: string,
  site: CompiledSite,
  links: ServiceLinks,
  report: Report,
): ServicePortRecord[] {
  const workloads = links.workloads.behind(document);
  const { selector, ports } = document.spec;
  if (selector !== undefined && !workloads.some((workload) => workload.spec.address !== undefined)) {
    const wanted = Object.entries(selector).map(([label, value]) => `${label}=${value}`);
    const found = workloads.length === 0 ? "no Workload" : "only Workloads without an address";
    const message = `Service ${qualifiedName(document)} selects ${found} by ${wanted.join(", ")}`;
    report.add(document, ["spec", "selector"], "SV1009", message);
  }
  return ports.map((port, index) => {
    const routes = links.routes.of(key, port.port);
    return {
      port: port.port,
      name: port.name ?? "",
      protocol: protocolOf(port.appProtocol, routes, links.routes.isGrpc(key, port.port)),
      endpoints: compileEndpoints(document, index, workloads, site, report),
      routes,
      ...links.settings.get(key),
    };
  });
}

/** A route says what a port speaks where the Service leaves it at the default. */
function protocolOf(written: AppProtocol, routes: RouteTableRecord | null, isGrpc: boolean): AppProtocol {
  if (routes?.protocol === "tcp") return "tcp";
  return isGrpc && written === "http" ? "grpc" : written;
}
