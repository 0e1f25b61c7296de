/** The names by which a service can be asked for (the contract, DESIGN 9). Pure. */

export interface Authority {
  /** Lower case, brackets of an IPv6 literal removed. */
  readonly host: string;
  /** -1 where none was given. */
  readonly port: number;
}

/**
 * Splits `host`, `host:port` or `[v6]:port`. The parser has checked the grammar; anything odd left is `null`. A name that ends
 * in a dot is the same name (RFC 1034 3.1): with the dot it would be nobody's in the documents, and pass by policies on it.
 */
export function splitAuthority(authority: string): Authority | null {
  let hostEnd = authority.length;
  let port = -1;
  if (authority.startsWith("[")) {
    const close = authority.indexOf("]");
    if (close < 0) return null;
    if (close + 1 < authority.length) {
      if (authority[close + 1] !== ":") return null;
      port = parsePort(authority.slice(close + 2));
      if (port < 0) return null;
    }
    return { host: authority.slice(1, close).toLowerCase(), port };
  }
  const colon = authority.lastIndexOf(":");
  if (colon >= 0) {
    port = parsePort(authority.slice(colon + 1));
    if (port < 0) return null;
    hostEnd = colon;
  }
  if (authority.charCodeAt(hostEnd - 1) === DOT) hostEnd--;
  const host = authority.slice(0, hostEnd).toLowerCase();
  return host === "" ? null : { host, port };
}

const DOT = 0x2e;

function parsePort(text: string): number {
  if (!/^[0-9]{1,5}$/.test(text)) return -1;
  const port = Number(text);
  return port >= 1 && port <= 65_535 ? port : -1;
}

export type MeshName =
  /** `orders`: the caller's own namespace. */
  | { readonly kind: "short"; readonly name: string }
  /** `orders.prod` and its longer forms. */
  | { readonly kind: "qualified"; readonly name: string; readonly namespace: string; readonly isExplicit: boolean };

const SUFFIXES = [".svc.cluster.local", ".svc", ".mesh"] as const;

/**
 * What a host could mean inside the mesh; a name outside it looks like `qualified` too (`example.com`), so that the caller
 * looks the service up and goes on with external hosts where there is none and the form was not explicit.
 */
export function meshName(host: string): MeshName | null {
  for (const suffix of SUFFIXES) {
    if (!host.endsWith(suffix)) continue;
    const parts = host.slice(0, -suffix.length).split(".");
    if (parts.length !== 2 || parts[0] === "" || parts[1] === "") return null;
    return { kind: "qualified", name: parts[0]!, namespace: parts[1]!, isExplicit: true };
  }
  // An IPv6 address is nobody's name.
  if (host.includes(":")) return null;
  const dot = host.indexOf(".");
  if (dot < 0) return { kind: "short", name: host };
  if (dot === 0 || dot === host.length - 1 || host.indexOf(".", dot + 1) >= 0) return null;
  return { kind: "qualified", name: host.slice(0, dot), namespace: host.slice(dot + 1), isExplicit: false };
}
