import type { EndpointRecord, ListenerRecord, ServiceRecord } from "../../model/snapshot.ts";

/**
 * What lies over a generation file on its way to the workers: facts of this machine and of this hour that are no part of
 * the documents. Applied line by line, so that a change of one endpoint never costs a new file.
 */
export interface Overlay {
  /** Real ports of listeners that asked for any free one, by listener key: a restarted worker takes the same again. */
  readonly ports: ReadonlyMap<string, number>;
  /** `workload key` or `workload key|address`, taken out of rotation by hand. */
  readonly drained: ReadonlySet<string>;
}

export const EMPTY_OVERLAY: Overlay = { ports: new Map(), drained: new Set() };

/** `host:port`, or the path of a unix socket: how an operator names one endpoint of a workload. */
export function endpointAddress(endpoint: EndpointRecord): string {
  if (endpoint.unix !== undefined) return `unix:${endpoint.unix}`;
  return `${endpoint.hostname ?? ""}:${endpoint.port ?? 0}`;
}

/** The line as the worker shall see it: the very same bytes where the overlay does not touch it. Line without newline. */
export function applyOverlay(line: Buffer, overlay: Overlay): Buffer {
  if (overlay.ports.size > 0 && line.includes('"listener"')) return overlayListener(line, overlay.ports);
  for (const drained of overlay.drained) {
    if (line.includes(needleOf(drained))) return overlayService(line, overlay.drained);
  }
  return line;
}

/** What a line holds if it may have an endpoint that `drained` names. */
export function needleOf(drained: string): string {
  return JSON.stringify(drained.split("|", 1)[0]);
}

function overlayListener(line: Buffer, ports: ReadonlyMap<string, number>): Buffer {
  const record = JSON.parse(line.toString()) as ListenerRecord;
  const port = record.kind === "listener" && record.port === 0 ? ports.get(record.key) : undefined;
  return port === undefined ? line : Buffer.from(JSON.stringify({ ...record, port }));
}

function overlayService(line: Buffer, drained: ReadonlySet<string>): Buffer {
  const record = JSON.parse(line.toString()) as ServiceRecord;
  if (record.kind !== "service") return line;
  let isTouched = false;
  const ports = record.ports.map((port) => ({
    ...port,
    endpoints: port.endpoints.map((endpoint) => {
      if (!isDrained(endpoint, drained)) return endpoint;
      isTouched = true;
      return { ...endpoint, drained: true };
    }),
  }));
  return isTouched ? Buffer.from(JSON.stringify({ ...record, ports })) : line;
}

function isDrained(endpoint: EndpointRecord, drained: ReadonlySet<string>): boolean {
  const { workload, node } = endpoint;
  if (workload === undefined) return false;
  const address = endpointAddress(endpoint);
  // One address may be that of a workload on each of several nodes.
  const isThere = node !== undefined && drained.has(`${workload}|${node}/${address}`);
  return isThere || drained.has(workload) || drained.has(`${workload}|${address}`);
}
