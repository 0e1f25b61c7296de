/** Texts that name things: documents, ports, labels, trust domains, hosts. */
import { choice, isScalarOf, map } from "./collections.ts";
import { integer, text } from "./scalars.ts";
import type { Schema } from "./schema.ts";

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";

/** One label of a DNS name (RFC 1123): names of namespaces, Services, nodes and ports. */
export const dnsLabel = text({
  what: "a DNS label (lower-case letters, digits and dashes)",
  pattern: new RegExp(`^${LABEL}$`),
  lengthMax: 63,
});

/** A DNS name of one or more labels: names of most documents. */
export const dnsName = text({
  what: "a DNS name (lower-case letters, digits, dashes and dots)",
  pattern: new RegExp(`^${LABEL}(?:\\.${LABEL})*$`),
  lengthMax: 253,
});

/** A host name with an optional leading wildcard label. */
export const hostname = text({
  what: 'a host name, with "*." before it for all its subdomains',
  pattern: new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`),
  lengthMax: 253,
  problem: (value) => (/^[0-9.]+$/.test(value) ? { message: "is an IP address, expected a host name" } : undefined),
});

/** A host name without wildcard. */
export const preciseHostname = text({
  what: "a host name",
  pattern: new RegExp(`^${LABEL}(?:\\.${LABEL})*$`),
  lengthMax: 253,
  problem: (value) => (/^[0-9.]+$/.test(value) ? { message: "is an IP address, expected a host name" } : undefined),
});

/**
 * One segment of a SPIFFE path: a service account. Kubernetes allows less; what is more would need escaping in principals.
 */
export const serviceAccountName = text({
  what: "a service account name (letters, digits, dots, dashes and underscores)",
  pattern: /^[A-Za-z0-9._-]+$/,
  lengthMax: 253,
  problem: (value) => (value === "." || value === ".." ? { message: "is a path step, expected a name" } : undefined),
});

/** A SPIFFE trust domain (SPIFFE-ID 2.1), without scheme. */
export const trustDomain = text({
  what: "a trust domain (lower-case letters, digits, dots, dashes and underscores)",
  pattern: /^[a-z0-9._-]+$/,
  lengthMax: 255,
  code: "SV0311",
  problem: (value) =>
    /^[.-]|[.]$|\.\./.test(value) ? { message: "has an empty label or starts with a dash" } : undefined,
});

/** The trust domain of a site that names none: its name under `.mesh`, so that two sites never share one by accident. */
export function defaultTrustDomain(siteName: string): string {
  return `${siteName}.mesh`;
}

/** A port that can be connected to. */
export const port = integer(1, 65_535);

/** A port number, or the name of a workload's port. */
export const portNumberOrName: Schema<number | string> = choice<number | string>(
  [
    {
      accepts: isScalarOf("number"),
      schema: port as Schema<number | string>,
      writes: (value) => typeof value === "number",
    },
    {
      accepts: isScalarOf("string"),
      schema: dnsLabel as Schema<number | string>,
      writes: (value) => typeof value === "string",
    },
  ],
  "a port number (1 to 65535) or the name of a port",
);

const LABEL_WORD = "[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?";

/** Key of a label or annotation. */
export const labelKey = text({
  what: "a label key ([prefix/]name)",
  pattern: new RegExp(`^(?:${LABEL}(?:\\.${LABEL})*/)?${LABEL_WORD}$`),
  lengthMax: 317,
  code: "SV0312",
});

/** Value of a label; may be empty. */
export const labelValue = text({
  what: "a label value (letters, digits, dashes, underscores and dots, 63 at most)",
  pattern: new RegExp(`^(?:${LABEL_WORD})?$`),
  lengthMin: 0,
  code: "SV0312",
});

/** Most labels of one document. Reason: Kubernetes sets none; every label is compared by selectors. */
export const LABELS_MAX = 64;

/** Longest value of an annotation. Reason: Kubernetes allows 256 KiB for all together; kubectl stores whole documents there. */
export const ANNOTATION_LENGTH_MAX = 256 * 1024;

/** Labels of a document, or those that a selector asks for. */
export const labels = map(labelKey, labelValue, LABELS_MAX);

/** Annotations: any text. */
export const annotations = map(labelKey, text({ what: "any text", lengthMin: 0, lengthMax: ANNOTATION_LENGTH_MAX }));
