/** Grammar of IP addresses and blocks as configuration writes them. Strict: one way to write each part, no zones. */

/** The 4 or 16 bytes of an address, or `undefined` where the text is none. IPv4 octets have no leading zeros; RFC 4291 2.2 for IPv6. */
export function parseIpAddress(text: string): readonly number[] | undefined {
  return text.includes(":") ? parseIpv6(text) : parseIpv4(text);
}

function parseIpv4(text: string): readonly number[] | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^(?:0|[1-9][0-9]{0,2})$/.test(part))) return undefined;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte <= 255) ? bytes : undefined;
}

/** Longest text of an IPv6 address, with an IPv4 tail. */
const IPV6_LENGTH_MAX = 45;

function parseIpv6(text: string): readonly number[] | undefined {
  if (text.length > IPV6_LENGTH_MAX) return undefined;
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = parseGroups(halves[0]!, halves.length === 1);
  const tail = parseGroups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 16 - head.length - tail.length;
  // The double colon stands for at least one group of zeros.
  if (halves.length === 1 ? missing !== 0 : missing < 2) return undefined;
  return [...head, ...Array.from({ length: missing }, () => 0), ...tail];
}

function parseGroups(text: string, mayEndInIpv4: boolean): readonly number[] | undefined {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    const isLast = index === groups.length - 1;
    const ipv4 = isLast && mayEndInIpv4 ? parseIpv4(group) : undefined;
    if (ipv4 !== undefined) bytes.push(...ipv4);
    else if (/^[0-9a-fA-F]{1,4}$/.test(group))
      bytes.push(Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255);
    else return undefined;
  }
  return bytes;
}

/** What is wrong with an address or CIDR block, or `undefined` where nothing is. */
export function cidrProblem(text: string): string | undefined {
  const [address, prefix, ...more] = text.split("/");
  const bytes = parseIpAddress(address!);
  if (bytes === undefined || more.length > 0) return "is neither an IP address nor a CIDR block";
  if (prefix === undefined) return undefined;
  if (!/^(?:0|[1-9][0-9]{0,2})$/.test(prefix) || Number(prefix) > bytes.length * 8) {
    return `has a prefix length that is not 0 to ${bytes.length * 8}`;
  }
  const isNetwork = bytes.every((byte, index) => (byte & hostMask(Number(prefix) - index * 8)) === 0);
  return isNetwork ? undefined : "has bits set behind its prefix";
}

function hostMask(prefixBits: number): number {
  if (prefixBits >= 8) return 0;
  return prefixBits <= 0 ? 255 : 255 >> prefixBits;
}

/** `0.0.0.0` and `::`: every address of the machine, never the address of one endpoint. */
export function isUnspecified(bytes: readonly number[]): boolean {
  return bytes.every((byte) => byte === 0);
}

/** 224.0.0.0/4, 255.255.255.255 and ff00::/8. */
export function isMulticast(bytes: readonly number[]): boolean {
  return bytes.length === 4 ? bytes[0]! >= 224 : bytes[0] === 255;
}
