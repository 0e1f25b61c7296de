/** `Workload.spec.calls` to keys and hosts. */
import type { DocumentOf } from "../../../model/documents.ts";
import { serviceKey, serviceNamed } from "../../../model/names.ts";
import type { CallsRecord } from "../../../model/snapshot.ts";
import type { DocumentSet } from "./document-set.ts";
import type { Report } from "./report.ts";

/** What the workload may call; null where it does not say. An unknown name allows nothing. */
export function compileCalls(
  document: DocumentOf<"Workload">,
  documents: DocumentSet,
  report: Report,
): CallsRecord | null {
  const { calls } = document.spec;
  if (calls === undefined) return null;
  const services: string[] = [];
  const hosts: string[] = [];
  for (const [index, text] of calls.entries()) {
    const colon = text.lastIndexOf(":");
    const named = serviceNamed(colon < 0 ? text : text.slice(0, colon), document.metadata.namespace);
    const service = named && documents.find("Service", named.namespace, named.name);
    if (service !== undefined) services.push(serviceKey(service.metadata.namespace, service.metadata.name));
    else if (colon >= 0) hosts.push(text.toLowerCase());
    else reportUnknown(document, index, text, documents, report);
  }
  return { services: [...new Set(services)], hosts: [...new Set(hosts)] };
}

function reportUnknown(
  document: DocumentOf<"Workload">,
  index: number,
  text: string,
  documents: DocumentSet,
  report: Report,
): void {
  const known = () =>
    documents.all("Service").flatMap(({ metadata }) => {
      const qualified = `${metadata.name}.${metadata.namespace}`;
      return metadata.namespace === document.metadata.namespace ? [metadata.name, qualified] : [qualified];
    });
  const message = `calls names ${JSON.stringify(text)}, but there is no such Service`;
  report.add(document, ["spec", "calls", index], "SV1012", message, report.didYouMean(text, known));
}
