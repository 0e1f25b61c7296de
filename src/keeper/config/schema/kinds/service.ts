import type { ServiceSpec } from "../../../../model/documents.ts";
import { clusterIp } from "../addresses.ts";
import { list } from "../collections.ts";
import { declareKind } from "../kind.ts";
import { dnsLabel, labels, port, portNumberOrName } from "../names.ts";
import type { Rule } from "../object.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf } from "../scalars.ts";
import { reportRepeats } from "./repeats.ts";

/** Protocols that a port can carry. */
export const appProtocol = oneOf(["http", "kubernetes.io/h2c", "grpc", "tcp"], {
  https: "the mesh encrypts between nodes; a TLS port of an application is carried as tcp",
  tls: "a TLS port of an application is carried as tcp",
  "kubernetes.io/ws": "WebSocket upgrades pass through http",
  "kubernetes.io/wss": "a TLS port of an application is carried as tcp",
});

const servicePort = object(
  "ServicePort",
  {
    name: optional(dnsLabel, "Name of the port; required where there are several."),
    port: required(port, "The port that callers use."),
    targetPort: optional(portNumberOrName, "Number or name of the workload's port.", "<port>"),
    appProtocol: withDefault(appProtocol, "What is spoken on it.", "http"),
    protocol: withDefault(
      oneOf(["TCP"], { UDP: "the mesh carries TCP only", SCTP: "the mesh carries TCP only" }),
      "Transport; TCP is the only one.",
      "TCP",
    ),
  },
  { unsupported: { nodePort: "use a Gateway for callers from outside the mesh" } },
);

interface Written {
  readonly ports: readonly { readonly name: string | undefined; readonly port: number }[];
}

const portsRule: Rule<Written> = {
  says: "Ports have distinct numbers and, where there are several, distinct names.",
  check({ ports }, report) {
    reportRepeats(ports, (item) => String(item.port), ["ports"], "port", report);
    reportRepeats(ports, (item) => item.name, ["ports"], "name", report);
    ports.forEach((item, index) => {
      if (ports.length > 1 && item.name === undefined) {
        report(["ports", index], "SV0402", "a Service with several ports needs a name for each");
      }
    });
  },
};

const spec = object(
  "ServiceSpec",
  {
    selector: optional(labels, "Labels of the workloads behind it, in its namespace.", "only routes give it backends"),
    ports: required(list(servicePort, { itemsMin: 1, itemsMax: 64 }), "Ports that callers use."),
    clusterIP: optional(
      clusterIp,
      "A loopback address that the mesh listens on at the Service's ports, for clients that know neither `Host` nor a proxy.",
    ),
    type: withDefault(
      oneOf(["ClusterIP"], {
        NodePort: "use a Gateway for callers from outside the mesh",
        LoadBalancer: "use a Gateway for callers from outside the mesh",
        ExternalName: "use a ServiceEntry for hosts outside the mesh",
      }),
      "ClusterIP is the only one.",
      "ClusterIP",
    ),
    sessionAffinity: withDefault(
      oneOf(["None"], { ClientIP: "requests are balanced one by one" }),
      "None is the only one.",
      "None",
    ),
  },
  {
    rules: [portsRule],
    unsupported: {
      externalName: "use a ServiceEntry for hosts outside the mesh",
      externalIPs: "use a Gateway for callers from outside the mesh",
      clusterIPs: "write clusterIP",
      ipFamilies: "addresses are written out here",
      ipFamilyPolicy: "addresses are written out here",
      internalTrafficPolicy: "there is no choice of nodes yet",
      externalTrafficPolicy: "use a Gateway for callers from outside the mesh",
      loadBalancerIP: "use a Gateway for callers from outside the mesh",
      publishNotReadyAddresses: "endpoints are what the documents say",
      sessionAffinityConfig: "requests are balanced one by one",
      trafficDistribution: "there is no choice of nodes yet",
    },
  },
);

/** A name that callers use, and the workloads behind it. */
export const serviceKind = declareKind({
  kind: "Service",
  apiVersions: ["v1"],
  doc: "A name that callers use, its ports, and the workloads behind it.",
  nameIsLabel: true,
  spec,
  toModel: (written): ServiceSpec => ({
    selector: written.selector,
    clusterIP: written.clusterIP,
    ports: written.ports.map((item) => ({
      name: item.name,
      port: item.port,
      targetPort: item.targetPort ?? item.port,
      appProtocol: item.appProtocol,
    })),
  }),
  toFile: (model) => ({
    ...model,
    ports: model.ports.map((item) => ({
      ...item,
      targetPort: item.targetPort === item.port ? undefined : item.targetPort,
      protocol: "TCP" as const,
    })),
    type: "ClusterIP" as const,
    sessionAffinity: "None" as const,
  }),
});
