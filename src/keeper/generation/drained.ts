/** What is out of rotation by hand, and how it changes. Entries are `workload key` or `workload key|address`. */

/** An entry as operators write it: `NAMESPACE/WORKLOAD [ADDRESS]`. */
export function drainedText(entry: string): string {
  return entry.replace(/^workload\//, "").replace("|", " ");
}

/**
 * The list with an endpoint taken out of rotation, or put back; a text says why it cannot be. Without an address everything of the
 * workload is put back, however it was taken out: whoever is told that it is in rotation must be able to rely on it.
 */
export function withDrained(
  before: ReadonlySet<string>,
  endpoint: string,
  isDrained: boolean,
): ReadonlySet<string> | string {
  if (isDrained) return new Set(before).add(endpoint);
  const [workload = ""] = endpoint.split("|", 1);
  const related = [...before].filter((entry) => entry === workload || entry.startsWith(`${workload}|`));
  if (endpoint !== workload && before.has(workload)) {
    return `all of ${drainedText(workload)} is drained: put it back without an address`;
  }
  if (endpoint !== workload && related.length > 0 && !before.has(endpoint)) {
    return `${drainedText(endpoint)} is not what was drained: ${related.map(drainedText).join(", ")}`;
  }
  const gone = new Set(endpoint === workload ? related : [endpoint]);
  return new Set([...before].filter((entry) => !gone.has(entry)));
}
