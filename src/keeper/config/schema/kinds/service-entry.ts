import type { ServiceEntrySpec } from "../../../../model/documents.ts";
import { ipAddress } from "../addresses.ts";
import { choice, list, map } from "../collections.ts";
import { parseIpAddress } from "../ip-address.ts";
import { asWritten, declareKind } from "../kind.ts";
import { dnsLabel, hostname, port, preciseHostname } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { reportRepeats } from "./repeats.ts";

/** Most hosts of one entry (Istio). */
export const HOSTS_MAX = 256;

const looksLikeIp = (value: string) => parseIpAddress(value) !== undefined || /^[0-9.]+$/.test(value);

const endpointAddress: Schema<string> = choice<string>(
  [
    {
      accepts: (node) => node.type === "scalar" && typeof node.value === "string" && looksLikeIp(node.value),
      schema: ipAddress,
      writes: looksLikeIp,
    },
    {
      accepts: (node) => node.type === "scalar" && typeof node.value === "string",
      schema: preciseHostname,
      writes: () => true,
    },
  ],
  "text (an IP address or a host name)",
);

const endpoint = object(
  "ServiceEntryEndpoint",
  {
    address: required(endpointAddress, "IP address, or with resolution DNS a host name."),
    ports: withDefault(
      map(dnsLabel, port, 64),
      "Ports by the names of the entry's; else its targetPort or number.",
      {},
    ),
  },
  {
    unsupported: {
      labels: "endpoints outside the mesh are not selected",
      locality: "there is no choice by place yet",
      network: "there is one network",
      weight: "endpoints share alike",
      serviceAccount: "endpoints outside the mesh have no identity",
    },
  },
);

const entryPort = object("ServiceEntryPort", {
  number: required(port, "The port that callers use."),
  name: required(dnsLabel, "Name of the port."),
  protocol: withDefault(
    oneOf(["HTTP", "HTTPS", "TLS", "TCP"], {
      HTTP2: "only HTTP/1.1 leaves the mesh yet; use TCP or TLS to pass it through",
      GRPC: "only HTTP/1.1 leaves the mesh yet; use TCP or TLS to pass it through",
      MONGO: "use TCP",
    }),
    "What is spoken; only HTTP is looked into.",
    "TCP",
  ),
  targetPort: optional(port, "Port of the endpoints.", "<number>"),
});

const hostsRule: Rule<ServiceEntrySpec> = {
  says: "Ports and hosts are distinct; STATIC needs endpoints with IP addresses, NONE has none, wildcards cannot be looked up.",
  check(value, report) {
    reportRepeats(value.ports, (item) => item.name, ["ports"], "name", report);
    reportRepeats(value.ports, (item) => String(item.number), ["ports"], "number", report);
    if (value.resolution === "STATIC" && value.endpoints.length === 0) {
      report(["resolution"], "SV0402", "resolution STATIC needs endpoints");
    }
    if (value.resolution === "NONE" && value.endpoints.length > 0) {
      report(
        ["endpoints"],
        "SV0401",
        "resolution NONE goes to the address that the caller asks for, and excludes endpoints",
      );
    }
    value.endpoints.forEach((item, index) => {
      if (value.resolution !== "STATIC" || parseIpAddress(item.address) !== undefined) return;
      report(["endpoints", index, "address"], "SV0307", "resolution STATIC needs IP addresses");
    });
    value.hosts.forEach((host, index) => {
      const isUnknowable = host.startsWith("*.") && value.resolution === "DNS" && value.endpoints.length === 0;
      if (isUnknowable) report(["hosts", index], "SV0402", "a wildcard host with resolution DNS needs endpoints");
    });
  },
};

const spec: Schema<ServiceEntrySpec> & { readonly shape: ReturnType<typeof object>["shape"] } = object(
  "ServiceEntrySpec",
  {
    hosts: required(
      list(hostname, { itemsMin: 1, itemsMax: HOSTS_MAX }),
      'Hosts outside the mesh; "*." before one for all its subdomains.',
    ),
    ports: required(list(entryPort, { itemsMin: 1, itemsMax: 64 }), "Ports that callers use."),
    location: withDefault(
      oneOf(["MESH_EXTERNAL"], { MESH_INTERNAL: "declare a Workload and a Service" }),
      "Outside of the mesh: no mutual TLS.",
      "MESH_EXTERNAL",
    ),
    resolution: withDefault(
      oneOf(["NONE", "STATIC", "DNS"], {
        DNS_ROUND_ROBIN: "use DNS",
        DYNAMIC_DNS: "use DNS with the hosts written out",
      }),
      "How an address is found: as the caller asks, from `endpoints`, or by DNS.",
      "NONE",
    ),
    endpoints: withDefault(list(endpoint, { itemsMax: 256 }), "Addresses.", []),
  },
  {
    rules: [hostsRule],
    unsupported: {
      addresses: "callers reach the hosts through the outbound listener",
      exportTo: "an entry holds for the whole site; use AuthorizationPolicy or calls",
      workloadSelector: "declare a Workload and a Service",
      subjectAltNames: "TLS to hosts outside the mesh is the application's own",
    },
  },
);

/** Known hosts outside the mesh: Istio's ServiceEntry. */
export const serviceEntryKind = declareKind({
  kind: "ServiceEntry",
  apiVersions: ["networking.istio.io/v1", "networking.istio.io/v1beta1", "networking.istio.io/v1alpha3"],
  doc: "Known hosts outside the mesh.",
  spec,
  toModel: asWritten<ServiceEntrySpec>,
  toFile: asWritten<ServiceEntrySpec>,
});
