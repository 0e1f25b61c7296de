/**
 * True for addresses that a host outside the mesh cannot have: loopback, unspecified, link-local (where clouds keep their
 * metadata service), multicast, broadcast, and IPv4 of these kinds written as IPv6. Anything that is no address is forbidden.
 */
export function isForbiddenAddress(address: string): boolean {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})$/.exec(address);
  if (v4) return isForbiddenV4(v4.slice(1).map(Number));
  const words = wordsOf(address.toLowerCase());
  if (!words) return true;
  const isMapped = words.slice(0, 5).every((word) => word === 0) && (words[5] === 0xffff || words[5] === 0);
  // Also ::1 and ::, which read as 0.0.0.1 and 0.0.0.0 here.
  if (isMapped) return isForbiddenV4([words[6]! >> 8, words[6]! & 255, words[7]! >> 8, words[7]! & 255]);
  const isNat64 = words[0] === 0x64 && words[1] === 0xff9b;
  if (isNat64) return isForbiddenV4([words[6]! >> 8, words[6]! & 255, words[7]! >> 8, words[7]! & 255]);
  return (words[0]! & 0xffc0) === 0xfe80 || (words[0]! & 0xff00) === 0xff00;
}

function isForbiddenV4(octets: readonly number[]): boolean {
  const [first = 0, second = 0] = octets;
  if (octets.some((octet) => octet > 255)) return true;
  return first === 0 || first === 127 || first >= 224 || (first === 169 && second === 254);
}

/** The eight words of an IPv6 address; `null` where it is none. Zones are refused. */
function wordsOf(text: string): number[] | null {
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
