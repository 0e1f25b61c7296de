/** Names and keys of what stands in a snapshot: built in one place, so that they agree everywhere. */

/** Key of a WorkloadRecord. */
export function workloadKey(namespace: string, name: string): string {
  return `workload/${namespace}/${name}`;
}

/** Key of a NodeRecord. */
export function nodeKey(name: string): string {
  return `node/${name}`;
}

/** Key of a ServiceRecord. */
export function serviceKey(namespace: string, name: string): string {
  return `service/${namespace}/${name}`;
}

/** Key of an ExternalRecord. */
export function externalKey(namespace: string, name: string, host: string): string {
  return `external/${namespace}/${name}/${host}`;
}

/** The principal of a service account, in Istio's form, without `spiffe://`. */
export function principalOf(trustDomain: string, namespace: string, serviceAccount: string): string {
  return `${trustDomain}/ns/${namespace}/sa/${serviceAccount}`;
}

/** The fully qualified name of a Service; the value of the label `destination_service`. */
export function serviceHost(namespace: string, name: string): string {
  return `${name}.${namespace}.svc.cluster.local`;
}

/** The other names a Service answers to; the short one, which depends on the caller, is not among them. */
export function serviceAliases(namespace: string, name: string): readonly string[] {
  return [`${name}.${namespace}`, `${name}.${namespace}.mesh`, `${name}.${namespace}.svc`];
}

/**
 * The Service that a name stands for when it is written in a document of `namespace`: `name`, `name.namespace` and the
 * longer forms. `undefined` where it cannot be the name of a Service. Case is ignored.
 */
export function serviceNamed(
  text: string,
  namespace: string,
): { readonly namespace: string; readonly name: string } | undefined {
  const labels = text.toLowerCase().split(".");
  const [name, inNamespace, ...rest] = labels;
  if (name === undefined || labels.some((label) => label === "")) return undefined;
  if (inNamespace === undefined) return { namespace, name };
  const suffix = rest.join(".");
  const isKnown = suffix === "" || suffix === "mesh" || suffix === "svc" || suffix === "svc.cluster.local";
  return isKnown ? { namespace: inNamespace, name } : undefined;
}
