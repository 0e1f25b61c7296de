/** ServiceEntries to hosts outside the mesh. */
import type { DocumentOf } from "../../../model/documents.ts";
import { externalKey } from "../../../model/names.ts";
import type { EndpointRecord, ExternalRecord, PolicyRefs } from "../../../model/snapshot.ts";
import { type DocumentSet, qualifiedName } from "./document-set.ts";
import type { Report } from "./report.ts";
import { plainOrigin } from "./workloads.ts";

type ServiceEntry = DocumentOf<"ServiceEntry">;
type EntryPort = ServiceEntry["spec"]["ports"][number];

/** One record per host. */
export function compileExternals(
  documents: DocumentSet,
  policies: (document: ServiceEntry) => PolicyRefs,
  report: Report,
): ExternalRecord[] {
  const owners = new Map<string, ServiceEntry>();
  return documents.all("ServiceEntry").flatMap((document) =>
    document.spec.hosts.flatMap((written, index) => {
      const host = written.toLowerCase();
      const owner = owners.get(host);
      if (owner !== undefined) {
        const message = `host ${host} of ServiceEntry ${qualifiedName(document)} belongs to ServiceEntry ${qualifiedName(owner)}`;
        report.add(document, ["spec", "hosts", index], "SV1202", message);
        return [];
      }
      owners.set(host, document);
      checkResolution(document, host, report);
      const { name, namespace } = document.metadata;
      const record: ExternalRecord = {
        kind: "external",
        key: externalKey(namespace, name, host),
        name,
        namespace,
        host,
        ports: document.spec.ports.map((port) => ({
          port: port.number,
          protocol: port.protocol,
          endpoints: endpointsOf(document, host, port),
        })),
        policies: policies(document),
        origin: plainOrigin(document.origin),
      };
      return [record];
    }),
  );
}

function checkResolution(document: ServiceEntry, host: string, report: Report): void {
  const { resolution, endpoints } = document.spec;
  if (endpoints.length > 0 || resolution === "NONE") return;
  if (resolution === "DNS" && !host.startsWith("*")) return;
  const message = `ServiceEntry ${qualifiedName(document)} resolves ${host} by ${resolution}, but has no endpoints`;
  report.add(document, ["spec", "resolution"], "SV1201", message);
}

/** Resolution NONE has none: the worker goes where the caller said. */
function endpointsOf(document: ServiceEntry, host: string, port: EntryPort): EndpointRecord[] {
  const { resolution, endpoints } = document.spec;
  if (resolution === "NONE") return [];
  const target = port.targetPort ?? port.number;
  if (endpoints.length === 0) return [{ hostname: host, port: target }];
  return endpoints.map(({ address, ports }): EndpointRecord => {
    const unix = /^unix:(?:\/\/)?(\/.*)$/.exec(address)?.[1];
    if (unix !== undefined) return { unix };
    return { hostname: address, port: Object.hasOwn(ports, port.name) ? ports[port.name]! : target };
  });
}
