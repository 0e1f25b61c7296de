import type { GatewaySpec } from "../../../../model/documents.ts";
import { bindIpAddress } from "../addresses.ts";
import { list } from "../collections.ts";
import { declareKind } from "../kind.ts";
import { dnsName, hostname, port } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf } from "../scalars.ts";
import { apiGroup, GATEWAY_GROUP, kindName } from "./references.ts";
import { reportRepeats } from "./repeats.ts";

/** Most listeners of one Gateway (Gateway API). */
export const LISTENERS_MAX = 64;
/** Most addresses of one Gateway (Gateway API). */
export const GATEWAY_ADDRESSES_MAX = 16;

const address = object("GatewayAddress", {
  type: withDefault(
    oneOf(["IPAddress"], { Hostname: "write the address out" }),
    "IPAddress is the only one.",
    "IPAddress",
  ),
  value: required(bindIpAddress, "Address to listen on."),
});

const routeKind = object(
  "RouteGroupKind",
  {
    group: withDefault(apiGroup, "API group of the route.", GATEWAY_GROUP),
    kind: required(kindName, "Kind of the route; HTTPRoute is the only one."),
  },
  {
    rules: [
      {
        says: "HTTPRoute is the only kind that attaches.",
        check({ group, kind }: { group: string; kind: string }, report) {
          if (group === GATEWAY_GROUP && kind === "HTTPRoute") return;
          report(["kind"], "SV0211", `${kind} is not supported on a listener`, "supported: HTTPRoute");
        },
      },
    ],
  },
);

const namespaces = object(
  "RouteNamespaces",
  {
    from: withDefault(
      oneOf(["Same", "All"], { Selector: "namespaces have no labels here", None: "leave the listener out" }),
      "Whose routes may attach.",
      "Same",
    ),
  },
  { unsupported: { selector: "namespaces have no labels here" } },
);

const allowedRoutes = object("AllowedRoutes", {
  namespaces: withDefault(namespaces, "Namespaces whose routes may attach.", { from: "Same" }),
  kinds: withDefault(list(routeKind, { itemsMax: 8 }), "Kinds of routes that may attach.", []),
});

const listener = object(
  "Listener",
  {
    name: required(dnsName, "Name of the listener, unique within the Gateway."),
    hostname: optional(hostname, "Only requests for this host.", "any host"),
    port: required(port, "Port to listen on."),
    protocol: required(
      oneOf(["HTTP"], {
        HTTPS: "TLS from outside the mesh is not terminated yet",
        TLS: "TLS from outside the mesh is not terminated yet",
        TCP: "only HTTP enters the mesh yet",
        UDP: "the mesh carries TCP only",
      }),
      "HTTP is the only one.",
    ),
    allowedRoutes: withDefault(allowedRoutes, "Which routes may attach.", { namespaces: { from: "Same" }, kinds: [] }),
  },
  { unsupported: { tls: "TLS from outside the mesh is not terminated yet" } },
);

interface Written {
  readonly listeners: readonly {
    readonly name: string;
    readonly hostname: string | undefined;
    readonly port: number;
  }[];
}

const listenersRule: Rule<Written> = {
  says: "Listeners differ in name, and in port or host name.",
  check({ listeners }, report) {
    reportRepeats(listeners, (item) => item.name, ["listeners"], "name", report);
    const seen = new Set<string>();
    listeners.forEach((item, index) => {
      const key = `${item.port}/${item.hostname ?? ""}`;
      if (seen.has(key)) {
        report(
          ["listeners", index],
          "SV0403",
          "Combination of port, protocol and hostname must be unique for each listener",
        );
      }
      seen.add(key);
    });
  },
};

const spec = object(
  "GatewaySpec",
  {
    gatewayClassName: required(dnsName, "Any name: on this machine nothing else serves Gateways."),
    addresses: withDefault(
      list(address, { itemsMax: GATEWAY_ADDRESSES_MAX }),
      "Addresses to listen on; none: all of the machine's.",
      [],
    ),
    listeners: required(list(listener, { itemsMin: 1, itemsMax: LISTENERS_MAX }), "Listeners."),
  },
  {
    rules: [listenersRule],
    unsupported: {
      infrastructure: "there is no infrastructure to label",
      allowedListeners: "ListenerSet is not supported yet",
      backendTLS: "the mesh encrypts between nodes",
      tls: "TLS from outside the mesh is not terminated yet",
      defaultScope: "name the Gateway in parentRefs",
    },
  },
);

/** A listener for callers from outside the mesh: Gateway API's Gateway. */
export const gatewayKind = declareKind({
  kind: "Gateway",
  apiVersions: ["gateway.networking.k8s.io/v1", "gateway.networking.k8s.io/v1beta1"],
  doc: "Plain-HTTP listeners for callers from outside the mesh (tills, browsers).",
  spec,
  toModel: (written): GatewaySpec => ({
    gatewayClassName: written.gatewayClassName,
    addresses: written.addresses.map((item) => item.value),
    listeners: written.listeners.map(({ allowedRoutes: allowed, ...item }) => ({
      ...item,
      allowedNamespaces: allowed.namespaces.from,
    })),
  }),
  toFile: (model) => ({
    gatewayClassName: model.gatewayClassName,
    addresses: model.addresses.map((value) => ({ type: "IPAddress" as const, value })),
    listeners: model.listeners.map(({ allowedNamespaces, ...item }) => ({
      ...item,
      allowedRoutes: { namespaces: { from: allowedNamespaces }, kinds: [] },
    })),
  }),
});
