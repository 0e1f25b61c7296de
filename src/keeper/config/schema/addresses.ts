/** Texts that say where something listens, and whom a workload may call. */
import { cidrProblem, isMulticast, isUnspecified, parseIpAddress } from "./ip-address.ts";
import type { Problem } from "./scalars.ts";
import { text } from "./scalars.ts";

/** Most bytes of the path of a unix socket: `sun_path` holds 108 with the final zero. */
export const UNIX_PATH_BYTES_MAX = 107;

/** `host:port` taken apart; IPv6 addresses stand in brackets and come back without. */
export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** `host:port` with a port from `portMin` to 65535, or `undefined`. The host is not looked at beyond its brackets. */
export function parseHostPort(value: string, portMin = 1): HostPort | undefined {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/@]+)):(0|[1-9][0-9]{0,4})$/.exec(value);
  if (match === null) return undefined;
  const port = Number(match[3]);
  if (port < portMin || port > 65_535) return undefined;
  const isBracketed = match[1] !== undefined;
  if (isBracketed && parseIpAddress(match[1]!)?.length !== 16) return undefined;
  return { host: match[1] ?? match[2]!, port };
}

function isHostName(host: string): boolean {
  const isName = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/i.test(host);
  // Digits and dots alone are an IPv4 address or a mistake, never a name.
  return isName && host.length <= 253 && !/^[0-9.]+$/.test(host);
}

/** An address to listen on: IP and port, port 0 for any free one. */
export const listenAddress = text({
  what: "an address to listen on (IP:port; port 0 for any free one)",
  code: "SV0307",
  problem: (value) => {
    const parsed = parseHostPort(value, 0);
    if (parsed === undefined)
      return { message: "is not IP:port", hint: "write 127.0.0.1:15001, or [::1]:15001 for IPv6" };
    const bytes = parseIpAddress(parsed.host);
    return bytes === undefined || isMulticast(bytes) ? { message: "does not start with an IP address" } : undefined;
  },
});

/** Where another node is reached: IP address or DNS name, and port. */
export const nodeAddress = text({
  what: "a host name or IP address with a port (host:port)",
  code: "SV0307",
  problem: (value) => {
    const parsed = parseHostPort(value);
    if (parsed === undefined) return { message: "is not host:port", hint: "write 10.0.0.12:15008" };
    return hostProblem(parsed.host);
  },
});

function hostProblem(host: string): Problem | undefined {
  const bytes = parseIpAddress(host);
  if (bytes === undefined)
    return isHostName(host) ? undefined : { message: "does not start with a host name or IP address" };
  return isUnspecified(bytes) || isMulticast(bytes)
    ? { message: "is an address that nobody can be reached at" }
    : undefined;
}

/** An IP address of one endpoint. */
export const ipAddress = text({ what: "an IP address", code: "SV0307", problem: ipProblem });

function ipProblem(value: string): Problem | undefined {
  const bytes = parseIpAddress(value);
  if (bytes === undefined) return { message: "is not an IP address" };
  return isUnspecified(bytes) || isMulticast(bytes)
    ? { message: "is an address that nobody can be reached at" }
    : undefined;
}

/** An IP address to listen on; 0.0.0.0 and :: mean all of the machine's. */
export const bindIpAddress = text({
  what: "an IP address",
  code: "SV0307",
  problem: (value) => (parseIpAddress(value) === undefined ? { message: "is not an IP address" } : undefined),
});

/** What is wrong with the path of a unix socket, or `undefined`. */
export function unixPathProblem(path: string): Problem | undefined {
  if (!path.startsWith("/")) return { message: "is not an absolute path" };
  if (path.includes("\0") || path.endsWith("/")) return { message: "is not the path of a socket" };
  if (path.split("/").some((step) => step === ".." || step === ".")) return { message: "has . or .. in its path" };
  const bytes = new TextEncoder().encode(path).length;
  if (bytes <= UNIX_PATH_BYTES_MAX) return undefined;
  return { message: `is ${bytes} bytes long, the kernel allows ${UNIX_PATH_BYTES_MAX}` };
}

/** An IP address, or `unix:/path`. */
export const workloadAddress = text({
  what: "an IP address, or unix:/path",
  code: "SV0307",
  problem: (value) => {
    if (value.startsWith("unix:")) return unixPathProblem(value.slice(5));
    const problem = ipProblem(value);
    if (problem === undefined || parseHostPort(value) === undefined) return problem;
    return { message: "has a port", hint: "write the address alone; ports go into the field ports" };
  },
});

/** The path of a unix socket, without `unix:`. */
export const unixPath = text({
  what: "the absolute path of a unix socket",
  code: "SV0307",
  problem: (value) =>
    value.startsWith("unix:") ? { message: "has a prefix", hint: "write the path alone" } : unixPathProblem(value),
});

/** A loopback address of its own for one Service. 127.0.0.1 belongs to everybody, so it cannot stand for one Service. */
export const clusterIp = text({
  what: "a loopback address in 127.0.0.0/8 other than 127.0.0.1",
  code: "SV0310",
  problem: (value) => {
    if (value === "None")
      return { message: "(a headless Service) is not supported", code: "SV0211", hint: "leave clusterIP out" };
    const bytes = parseIpAddress(value);
    if (bytes?.length !== 4 || bytes[0] !== 127)
      return { message: "is not in 127.0.0.0/8", hint: "choose one such as 127.77.0.5" };
    const isTaken = value === "127.0.0.1" || value === "127.0.0.0" || value === "127.255.255.255";
    return isTaken ? { message: "cannot stand for one Service", hint: "choose one such as 127.77.0.5" } : undefined;
  },
});

/** An IP address or CIDR block. */
export const ipBlock = text({
  what: "an IP address or CIDR block",
  code: "SV0316",
  problem: (value) => {
    const message = cidrProblem(value);
    return message === undefined ? undefined : { message };
  },
});

const CALLEE = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)?$/;

/** Whom a workload may call: `name`, `name.namespace`, or `host:port` outside the mesh. */
export const callee = text({
  what: "name, name.namespace, or host:port",
  code: "SV0309",
  lengthMax: 260,
  problem: (value) => {
    if (value.includes("*"))
      return { message: "has a wildcard", hint: "name every service; leave calls out to allow any" };
    if (CALLEE.test(value)) return undefined;
    const parsed = parseHostPort(value);
    if (parsed !== undefined) return hostProblem(parsed.host);
    const hint = "a host outside the mesh needs its port (api.pay.example:443); a service is name or name.namespace";
    return { message: "is not name, name.namespace or host:port", hint };
  },
});
