/** The short form: one document without `kind`, which a person can write from memory. */
import { clusterIp, ipAddress, listenAddress, nodeAddress, unixPath } from "./addresses.ts";
import { list, map } from "./collections.ts";
import { weight } from "./kinds/references.ts";
import { defaultAction, METRICS_DEFAULT, OUTBOUND_DEFAULT, outboundTrafficPolicy } from "./kinds/site.ts";
import { callees } from "./kinds/workload.ts";
import { dnsLabel, dnsName, labels, port, trustDomain } from "./names.ts";
import type { ObjectOf, Rule } from "./object.ts";
import { object, optional, required, withDefault } from "./object.ts";
import { duration, oneOf, text } from "./scalars.ts";
import { assertion } from "./short-form-assertion.ts";
import { run } from "./short-form-run.ts";

/** Most services of one short form. Reason: beyond this nobody writes by hand; full documents have no such bound. */
export const SHORT_SERVICES_MAX = 10_000;

/** `name`, `name.namespace`, `namespace/name`, `namespace/*` or `*`. */
export const caller = text({
  what: "a caller (name, name.namespace, namespace/*, namespace/name or *)",
  pattern:
    /^(?:\*|[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)?|[a-z0-9](?:[-a-z0-9]*[a-z0-9])?\/(?:\*|[A-Za-z0-9._-]+))$/,
  code: "SV0501",
  lengthMax: 320,
});

const RUN = "How its processes are recognised: a selector, a list (all of), or a list of lists (any of).";
const UNIX = "Path of the unix socket that it listens on.";
const NODE = "Node that it runs on, or `all`.";

/** Most nodes of a short form. Reason: a site is one machine or a few; fleets are many sites. */
export const SHORT_NODES_MAX = 64;

const version = object(
  "MeshVersion",
  {
    port: optional(port, "Port that it listens on, at 127.0.0.1."),
    unix: optional(unixPath, UNIX),
    run: optional(run, RUN, "that of the service"),
    weight: withDefault(weight, "Share of the requests.", 1),
    node: optional(dnsLabel, NODE, "that of the service"),
  },
  {
    rules: [
      {
        says: "Exactly one of `port` and `unix` is set.",
        check(value: { port: number | undefined; unix: string | undefined }, report) {
          if (value.port === undefined && value.unix === undefined)
            report([], "SV0402", "a version needs port or unix");
          if (value.port !== undefined && value.unix !== undefined)
            report(["unix"], "SV0401", "port and unix exclude each other");
        },
      },
    ],
  },
);

const serviceFields = {
  namespace: optional(dnsLabel, "Namespace.", "that of the document"),
  run: optional(run, RUN, "never recognised as a caller"),
  node: optional(dnsLabel, NODE, "this node (on a site with one)"),
  port: optional(port, "Port that it listens on."),
  ports: optional(
    map(dnsLabel, port, 64, 1),
    "Named ports that it listens on; `grpc`, `h2c` and `tcp` (or `tcp-…`) name their protocol.",
  ),
  unix: optional(unixPath, UNIX),
  address: optional(ipAddress, "Address that it listens on.", "127.0.0.1"),
  versions: optional(map(dnsLabel, version, 16, 1), "Versions that share the requests by weight."),
  servicePort: optional(port, "Port that callers use.", "80; for tcp the port itself"),
  protocol: withDefault(oneOf(["http", "h2c", "grpc", "tcp"]), "What is spoken.", "http"),
  calls: optional(callees, "Whom it may call; an empty list: nobody.", "anybody whose policy lets it"),
  allow: optional(
    list(caller, { itemsMax: 256 }),
    "Who may call it: `name`, `name.namespace`, `namespace/*`, or `*` for every recognised caller. An empty list: nobody.",
    "what `default` says",
  ),
  clusterIP: optional(clusterIp, "Loopback address that the mesh listens on for it."),
  timeout: optional(duration, "Longest time of a request; 0s for none."),
  labels: withDefault(labels, "Further labels.", {}),
};

export type ShortService = ObjectOf<typeof serviceFields>;

const LISTENING = ["port", "ports", "unix", "versions"] as const;

const listeningRule: Rule<ShortService> = {
  says: "At most one of `port`, `ports`, `unix` and `versions` is set; without any of them it only calls others.",
  check(value, report) {
    const [first, second] = LISTENING.filter((field) => value[field] !== undefined);
    if (second !== undefined) report([second], "SV0401", `${first} and ${second} exclude each other`);
    if (first === undefined) {
      for (const field of ["allow", "clusterIP", "servicePort", "address", "timeout"] as const) {
        if (value[field] !== undefined) report([field], "SV0402", `${field} needs port, ports, unix or versions`);
      }
    }
    if (value.address !== undefined && (value.unix ?? value.versions) !== undefined) {
      report(["address"], "SV0401", "address goes with port or ports only");
    }
  },
};

const tcpRule: Rule<ShortService> = {
  says: "`timeout` is for requests; `tcp` by unix or versions needs a `servicePort`; several `ports` have none.",
  check(value, report) {
    const isTcp = value.protocol === "tcp";
    if (isTcp && value.timeout !== undefined)
      report(["timeout"], "SV0401", "timeout is for requests, and protocol tcp has none");
    if (isTcp && (value.unix ?? value.versions) !== undefined && value.servicePort === undefined) {
      report([], "SV0402", "protocol tcp needs servicePort here: the port that callers use");
    }
    if (value.servicePort !== undefined && value.ports !== undefined) {
      report(["servicePort"], "SV0401", "servicePort and ports exclude each other");
    }
  },
};

const namesRule: Rule<ShortService> = {
  says: "`app` and `version` are not set as labels.",
  check(value, report) {
    for (const key of ["app", "version"]) {
      if (Object.hasOwn(value.labels, key)) report(["labels", key], "SV0502", `label ${key} is set by the short form`);
    }
  },
};

const service = object("MeshService", serviceFields, { rules: [listeningRule, tcpRule, namesRule] });

/** The declaration of the short form. */
export const shortForm = object("Mesh", {
  mesh: required(dnsName, "Name of the site."),
  trustDomain: optional(trustDomain, "Trust domain of the site.", "<mesh>.mesh"),
  namespace: withDefault(dnsLabel, "Namespace of services that name none.", "default"),
  default: withDefault(defaultAction, "What happens to a request for a service without `allow`.", "deny"),
  outbound: withDefault(listenAddress, "Shared outbound listener.", OUTBOUND_DEFAULT),
  metrics: withDefault(listenAddress, "Listener for `GET /metrics`.", METRICS_DEFAULT),
  nodes: withDefault(
    map(dnsLabel, nodeAddress, SHORT_NODES_MAX),
    "Nodes by name, with the address where the others reach them. Only where there are several.",
    {},
  ),
  tunnel: optional(
    listenAddress,
    "Listener for mTLS tunnels from other nodes.",
    "single node; with `nodes` 0.0.0.0 and the port that they have in common, else 15008",
  ),
  outboundTrafficPolicy: withDefault(outboundTrafficPolicy, "Whether unknown hosts may be called.", "REGISTRY_ONLY"),
  services: withDefault(map(dnsLabel, service, SHORT_SERVICES_MAX), "Services by name.", {}),
  assert: withDefault(
    list(assertion, { itemsMax: 256 }),
    "Facts about access that must hold: sentences, or the fields of an Assertion.",
    [],
  ),
});
