/** Address text to the bytes the kernel uses, without allocation for IPv4 (the common case at accept time). */

/** Address families as the kernel numbers them; NONE means that the text is no address. */
export const FAMILY = { NONE: 0, INET: 2, INET6: 10 } as const;

/** IPv6 texts remembered: a node's own addresses are few, and foreign ones may be made up, so the cache is cleared when full. */
export const ADDRESS_CACHE_MAX = 256;

const MAPPED_PREFIX = "::ffff:";
const DOT = 46;
const ZERO = 48;

const cache = new Map<string, Uint8Array | null>();

/**
 * Writes the address into `into` at `at` (16 bytes, the rest zero) and answers its family. IPv4 mapped into IPv6
 * (`::ffff:127.0.0.1`) is written as the IPv4 address it is. Scoped (`fe80::1%eth0`), bracketed and padded forms are no address.
 */
export function writeAddress(into: Uint8Array, at: number, text: string): number {
  into.fill(0, at, at + 16);
  if (text.indexOf(":") < 0) return writeIpv4(into, at, text, 0) ? FAMILY.INET : FAMILY.NONE;
  // The form in which the runtime tells it, without allocation; all others are read below.
  if (text.startsWith(MAPPED_PREFIX) && writeIpv4(into, at, text, MAPPED_PREFIX.length)) return FAMILY.INET;
  into.fill(0, at, at + 16);
  const bytes = cachedIpv6(text);
  if (bytes === null) return FAMILY.NONE;
  if (isMapped(bytes)) {
    for (let index = 0; index < 4; index++) into[at + index] = bytes[12 + index]!;
    return FAMILY.INET;
  }
  into.set(bytes, at);
  return FAMILY.INET6;
}

/** The text of the 4 or 16 bytes at `at`: IPv4 dotted, IPv6 as eight groups without compression of zeros beyond the first run. */
export function addressText(bytes: Uint8Array, at: number, family: number): string {
  if (family === FAMILY.INET) return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2)
    groups.push(((bytes[at + index]! << 8) | bytes[at + index + 1]!).toString(16));
  return groups.join(":").replace(/(^|:)0(:0)+(:|$)/, "::");
}

function writeIpv4(into: Uint8Array, at: number, text: string, from: number): boolean {
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code === DOT) {
      if (digits === 0 || part === 3) return false;
      into[at + part++] = value;
      digits = 0;
      value = 0;
      continue;
    }
    if (code < ZERO || code > ZERO + 9 || (digits > 0 && value === 0)) return false;
    value = value * 10 + code - ZERO;
    digits++;
    if (value > 255) return false;
  }
  if (part !== 3 || digits === 0) return false;
  into[at + 3] = value;
  return true;
}

function cachedIpv6(text: string): Uint8Array | null {
  const known = cache.get(text);
  if (known !== undefined) return known;
  const bytes = parseIpv6(text);
  if (cache.size >= ADDRESS_CACHE_MAX) cache.clear();
  cache.set(text, bytes);
  return bytes;
}

function parseIpv6(text: string): Uint8Array | null {
  if (text.length > 45) return null;
  const bytes = new Uint8Array(16);
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parseGroups(halves[0]!, bytes, halves.length === 1);
  if (head === null) return null;
  if (halves.length === 1) return head.length === 16 ? Uint8Array.from(head) : null;
  const tail = parseGroups(halves[1]!, bytes, true);
  if (tail === null || head.length + tail.length > 14) return null;
  bytes.set(head, 0);
  bytes.set(tail, 16 - tail.length);
  return bytes;
}

/** The bytes of a colon separated run of groups; `isEnd`: the last of them may be dotted IPv4. */
function parseGroups(text: string, scratch: Uint8Array, isEnd: boolean): number[] | null {
  if (text === "") return [];
  const bytes: number[] = [];
  const groups = text.split(":");
  for (const [index, group] of groups.entries()) {
    if (group.includes(".")) {
      if (!isEnd || index !== groups.length - 1 || !writeIpv4(scratch, 0, group, 0)) return null;
      bytes.push(...scratch.subarray(0, 4));
      scratch.fill(0, 0, 4);
    } else {
      if (!/^[0-9a-fA-F]{1,4}$/.test(group)) return null;
      const value = Number.parseInt(group, 16);
      bytes.push(value >> 8, value & 255);
    }
  }
  return bytes;
}

function isMapped(bytes: Uint8Array): boolean {
  for (let index = 0; index < 10; index++) if (bytes[index] !== 0) return false;
  return bytes[10] === 255 && bytes[11] === 255;
}
