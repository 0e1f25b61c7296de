/** What DestinationRules say about the connections to Services. */
import type { DocumentOf } from "../../../model/documents.ts";
import { serviceKey, serviceNamed } from "../../../model/names.ts";
import type { ServicePortRecord } from "../../../model/snapshot.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import type { Report } from "./report.ts";

/** Fields of a ServicePortRecord that a DestinationRule sets; those it leaves out keep the worker's defaults. */
export type ConnectionSettings = Pick<
  ServicePortRecord,
  "connectTimeoutMs" | "maxConnections" | "maxPendingRequests" | "idleTimeoutMs" | "loadBalancer"
>;

/** Settings by key of the ServiceRecord. */
export function compileConnectionSettings(documents: DocumentSet, report: Report): Map<string, ConnectionSettings> {
  const settings = new Map<string, ConnectionSettings>();
  for (const document of documents.all("DestinationRule")) {
    const named = serviceNamed(document.spec.host, document.metadata.namespace);
    const service = named && documents.find("Service", named.namespace, named.name);
    if (service === undefined) {
      const message = `DestinationRule ${qualifiedName(document)} is for ${JSON.stringify(document.spec.host)}, which is no Service`;
      const known = () => documents.all("Service").map(({ metadata }) => `${metadata.name}.${metadata.namespace}`);
      report.add(document, ["spec", "host"], "SV1203", message, report.didYouMean(document.spec.host, known));
      continue;
    }
    const key = serviceKey(service.metadata.namespace, service.metadata.name);
    if (settings.has(key)) {
      const message = `DestinationRule ${qualifiedName(document)} is the second one for Service ${qualifiedName(service)}`;
      report.add(document, ["spec", "host"], "SV1204", message);
    } else settings.set(key, settingsOf(document.spec));
  }
  return settings;
}

function settingsOf(spec: DocumentOf<"DestinationRule">["spec"]): ConnectionSettings {
  const { connectTimeoutMs, maxConnections, http1MaxPendingRequests, idleTimeoutMs, loadBalancer } = spec;
  return {
    ...(connectTimeoutMs === undefined ? {} : { connectTimeoutMs }),
    ...(maxConnections === undefined ? {} : { maxConnections }),
    ...(http1MaxPendingRequests === undefined ? {} : { maxPendingRequests: http1MaxPendingRequests }),
    ...(idleTimeoutMs === undefined ? {} : { idleTimeoutMs }),
    ...(loadBalancer === undefined ? {} : { loadBalancer }),
  };
}
