/**
 * True for addresses that a host outside the mesh cannot have: loopback, unspecified, link-local (where clouds keep their
 * metadata service), multicast, broadcast, and IPv4 of these kinds within IPv6. Anything that is no address is forbidden.
 */
export function isForbiddenAddress(address: string): boolean {
  const words = wordsOf(address);
  if (!words) return true;
  const inner = innerV4(words);
  if (inner) return isForbiddenV4(inner);
  return (words[0]! & 0xffc0) === 0xfe80 || (words[0]! & 0xff00) === 0xff00;
}

/**
 * One text for one place, however the address was written: IPv6 has many spellings, and several ways to mean an IPv4 address.
 * `""` for what is no address.
 */
export function canonicalAddress(address: string): string {
  const words = wordsOf(address);
  if (!words) return "";
  return innerV4(words)?.join(".") ?? words.map((word) => word.toString(16)).join(":");
}

/** Whether an address, however it is written, is one of this machine's. */
export function isOwnAddress(address: string, own: ReadonlySet<string>): boolean {
  const wanted = canonicalAddress(address);
  for (const candidate of own) if (canonicalAddress(candidate) === wanted) return true;
  return false;
}

/** The IPv4 address that these words mean or lead to; `null` where they are IPv6 and nothing else. */
function innerV4(words: readonly number[]): readonly number[] | null {
  const [w0 = 0, w1 = 0, w2 = 0, w3 = 0, w4 = 0, w5 = 0, w6 = 0, w7 = 0] = words;
  const startsWithZeros = (w0 | w1 | w2 | w3) === 0;
  // Mapped, and compatible; the latter makes ::1 and :: the forbidden 0.0.0.1 and 0.0.0.0.
  const isMapped = startsWithZeros && w4 === 0 && (w5 === 0xffff || w5 === 0);
  // RFC 2765 2.1.
  const isTranslated = startsWithZeros && w4 === 0xffff && w5 === 0;
  // RFC 6052 2.1, RFC 8215.
  const isNat64 = w0 === 0x64 && w1 === 0xff9b;
  if (isMapped || isTranslated || isNat64) return octetsOf(w6, w7);
  // RFC 3056 2.
  return w0 === 0x2002 ? octetsOf(w1, w2) : null;
}

function octetsOf(high: number, low: number): readonly number[] {
  return [high >> 8, high & 255, low >> 8, low & 255];
}

function isForbiddenV4(octets: readonly number[]): boolean {
  const [first = 0, second = 0] = octets;
  return first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254);
}

/** The eight words of an address, of IPv4 as mapped; `null` where it is none. Zones are refused. */
function wordsOf(address: string): number[] | null {
  const text = address.toLowerCase();
  if (!text.includes(":")) {
    const v4 = parse(text);
    return v4?.length === 2 ? [0, 0, 0, 0, 0, 0xffff, ...v4] : null;
  }
  const halves = text.split("::");
  if (halves.length > 2) return null;
  const head = parse(halves[0]!);
  const tail = halves.length === 2 ? parse(halves[1]!) : [];
  if (!head || !tail) return null;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return null;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function parse(half: string): number[] | null {
  if (half === "") return [];
  const words: number[] = [];
  const groups = half.split(":");
  for (const [i, group] of groups.entries()) {
    const v4 = i === groups.length - 1 ? /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(group) : null;
    if (v4) {
      const octets = v4.slice(1).map(Number);
      if (octets.some((octet) => octet > 255)) return null;
      words.push((octets[0]! << 8) | octets[1]!, (octets[2]! << 8) | octets[3]!);
    } else {
      if (!/^[0-9a-f]{1,4}$/.test(group)) return null;
      words.push(Number.parseInt(group, 16));
    }
  }
  return words;
}
