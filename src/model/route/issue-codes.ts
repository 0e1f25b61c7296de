/** What documents can have wrong with each other: references, listeners, routes; SV1xxx. Found while compiling. */
import type { ErrorCodeEntry } from "../error-codes.ts";

/** Rows of the table of error codes. */
export const ROUTING_CODES = {
  SV1001: {
    severity: "error",
    title: "Two documents have the same kind, namespace and name",
    fix: "Remove one of them or give it another name.",
  },
  SV1002: {
    severity: "error",
    title: "More than one Site",
    fix: "Keep one: a site is what all the documents belong to.",
  },
  SV1003: {
    severity: "error",
    title: "A Workload does not say on which node it runs",
    fix: "Say node: NAME, or nodes: all (in the short form node: all). It may be left out only where the site has one node.",
  },
  SV1004: { severity: "error", title: "Unknown node", fix: "Add a Node document, or correct the name." },
  SV1005: {
    severity: "error",
    title: "Unknown user",
    fix: "Create the user on this machine, correct the name, or write unix:uid:N.",
  },
  SV1006: {
    severity: "error",
    title: "Callers that cannot be told apart",
    fix: "Give each workload a user, unit or cgroup of its own, or let both have the same serviceAccount.",
  },
  SV1007: {
    severity: "error",
    title: "No such named port",
    fix: "Name a port of the selected Workloads in targetPort, or write its number.",
  },
  SV1008: {
    severity: "warning",
    title: "The target port is none of the workload's",
    fix: "Write the name of one of its ports in targetPort. Without targetPort the Service's own number is used.",
  },
  SV1009: {
    severity: "warning",
    title: "A Service without endpoints",
    fix: "Compare its selector with the labels of the Workloads in its namespace; they need an address. Until then: 503.",
  },
  SV1010: {
    severity: "error",
    title: "A clusterIP is used twice",
    fix: "Give each Service a loopback address of its own.",
  },
  SV1011: {
    severity: "error",
    title: "Two listeners on one address",
    fix: "Change the port or the address of one of them.",
  },
  SV1012: {
    severity: "error",
    title: "calls names an unknown service",
    fix: "Correct the name, add the Service, or write host:port for a host outside the mesh.",
  },
  SV1013: {
    severity: "error",
    title: "A workload and the mesh on one address",
    fix: "Give the workload another port or address: requests would go round in circles.",
  },
  SV1014: {
    severity: "error",
    title: "The site has no name for this node",
    fix: "Start with --node NAME or set SELVEDGE_NODE, Site.spec.node or the host name to one of the Nodes.",
  },
  SV1015: {
    severity: "error",
    title: "Two nodes with one address",
    fix: "Give each node an address of its own: behind one address only one of them can be reached.",
  },
  SV1016: {
    severity: "error",
    title: "Several nodes and no tunnel",
    fix: "Set Site.spec.tunnel, such as 0.0.0.0:15008: it is what the other nodes connect to.",
  },
  SV1017: {
    severity: "warning",
    title: "A node that the others cannot reach",
    fix: "Add a Node document with its address. Until then calls to its workloads from other nodes get 503.",
  },
  SV1018: {
    severity: "error",
    title: "A node called all",
    fix: "Give it another name: all means every node.",
  },
  SV1101: {
    severity: "warning",
    title: "A route's parent is unknown (NoMatchingParent)",
    fix: "Correct name, namespace, port or sectionName of the parentRef. The route has no effect there.",
  },
  SV1102: {
    severity: "warning",
    title: "A Gateway does not let the route attach (NotAllowedByListeners)",
    fix: "Set allowedRoutes.namespaces.from: All on the listener, or move the route to the Gateway's namespace.",
  },
  SV1103: {
    severity: "warning",
    title: "No host name in common with the Gateway's listeners (NoMatchingListenerHostname)",
    fix: "Compare the route's hostnames with those of the listeners.",
  },
  SV1104: {
    severity: "warning",
    title: "Another route has the port (Conflicted)",
    fix: "Attach them to different ports: GRPCRoute goes before HTTPRoute, HTTPRoute before TCPRoute, and one TCPRoute has a port. At a Gateway give HTTPRoute and GRPCRoute different host names.",
  },
  SV1105: {
    severity: "warning",
    title: "hostnames have no effect at a Service",
    fix: "Match the Host header instead, or remove hostnames: the mesh ignores them for Services (GAMMA).",
  },
  SV1111: {
    severity: "warning",
    title: "A backend does not exist (BackendNotFound)",
    fix: "Correct the reference. Until then its share of the requests gets 500.",
  },
  SV1112: {
    severity: "warning",
    title: "A backend in another namespace is not granted (RefNotPermitted)",
    fix: "Add a ReferenceGrant in the backend's namespace. Until then its share of the requests gets 500.",
  },
  SV1113: {
    severity: "warning",
    title: "A backend is of a kind that cannot be one (InvalidKind)",
    fix: "Refer to a Service. Until then its share of the requests gets 500.",
  },
  SV1114: {
    severity: "warning",
    title: "A backend does not speak HTTP (UnsupportedProtocol)",
    fix: "Correct appProtocol of the Service's port, or use a TCPRoute. Until then its share of the requests gets 500.",
  },
  SV1121: {
    severity: "error",
    title: "A regular expression outside the dialect",
    fix: "RE2 syntax without flags, named groups and word boundaries; always matched against the whole value.",
  },
  SV1122: {
    severity: "warning",
    title: "A filter that is not supported",
    fix: "Remove it. Until then requests of its rule get 500, because a filter must not be skipped.",
  },
  SV1123: {
    severity: "error",
    title: "A replacement path is not normalised",
    fix: "Remove empty, . and .. segments, ? and #, and write other characters percent-encoded.",
  },
  SV1201: {
    severity: "error",
    title: "A ServiceEntry has no address to go to",
    fix: "STATIC needs endpoints, and so does DNS for a wildcard host.",
  },
  SV1202: {
    severity: "error",
    title: "Two ServiceEntries for one host",
    fix: "Put all ports of a host into one entry.",
  },
  SV1203: {
    severity: "warning",
    title: "A DestinationRule for an unknown host",
    fix: "Name a Service: name, name.namespace or name.namespace.svc.cluster.local.",
  },
  SV1204: {
    severity: "error",
    title: "Two DestinationRules for one host",
    fix: "Merge them: neither would win by right.",
  },
  SV1205: {
    severity: "warning",
    title: "Encryption between nodes cannot be turned off",
    fix: "Remove mode DISABLE: it has no effect.",
  },
  SV1206: {
    severity: "warning",
    title: "A PeerAuthentication without effect",
    fix: "Keep one for each scope: of several the first by name counts, in the root namespace one without selector. Ports are those of the workload, not of its Service.",
  },
  SV1207: {
    severity: "error",
    title: "PERMISSIVE on a node without an address",
    fix: "Say where the node listens: the IP address in its Node document, or one in Site.spec.tunnel.",
  },
} as const satisfies Record<string, ErrorCodeEntry>;

export type RoutingCode = keyof typeof ROUTING_CODES;

/** Warnings that `check` counts as failures: references that a running mesh lives with, but that nobody wants to ship. */
export const FAILURES_FOR_CHECK: ReadonlySet<string> = new Set<RoutingCode>([
  "SV1101",
  "SV1102",
  "SV1103",
  "SV1104",
  "SV1111",
  "SV1112",
  "SV1113",
  "SV1114",
  "SV1122",
]);
