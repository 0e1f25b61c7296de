/** IP addresses as numbers: IPv4 as a `number` of 32 bits, IPv6 as a `bigint` of 128. */

/**
 * An address from its text form, or `undefined`. An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`, RFC 4291 2.5.5.2) is the
 * IPv4 address that it maps, so that a dual-stack socket makes no difference to policy; a zone (`%eth0`) is left out.
 */
export function parseIp(text: string): number | bigint | undefined {
  const v4 = parseIpv4(text);
  if (v4 !== -1) return v4;
  if (!text.includes(":")) return undefined;
  const zone = text.indexOf("%");
  const v6 = parseIpv6(zone === -1 ? text : text.slice(0, zone));
  if (v6 === undefined) return undefined;
  return v6 >> 32n === 0xffffn ? Number(v6 & 0xffffffffn) : v6;
}

/** A dotted quad, or -1. Leading zeros are refused: some readers take them for octal. */
export function parseIpv4(text: string): number {
  let address = 0;
  let part = -1;
  let parts = 0;
  for (let i = 0; i <= text.length; i++) {
    const char = i === text.length ? 0x2e : text.charCodeAt(i);
    if (char === 0x2e) {
      if (part === -1 || ++parts > 4) return -1;
      address = address * 256 + part;
      part = -1;
    } else if (char < 0x30 || char > 0x39 || part === 0) {
      return -1;
    } else {
      part = (part === -1 ? 0 : part * 10) + char - 0x30;
      if (part > 255) return -1;
    }
  }
  return parts === 4 ? address : -1;
}

/** The 128 bits of an IPv6 address in any of RFC 4291's text forms, or `undefined`. */
export function parseIpv6(text: string): bigint | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groupsOf(halves[0]!, halves.length === 1);
  const tail = halves.length === 2 ? groupsOf(halves[1]!, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  let address = 0n;
  for (const group of [...head, ...new Array<number>(missing).fill(0), ...tail])
    address = (address << 16n) | BigInt(group);
  return address;
}

function groupsOf(text: string, mayEndInV4: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    if (part.includes(".")) {
      const v4 = parseIpv4(part);
      if (!mayEndInV4 || i !== parts.length - 1 || v4 === -1) return undefined;
      groups.push(Math.floor(v4 / 65536), v4 % 65536);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(part)) return undefined;
      groups.push(Number.parseInt(part, 16));
    }
  }
  return groups;
}
