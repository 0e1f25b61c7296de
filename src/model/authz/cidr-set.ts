import { InvalidPolicyError } from "./invalid-policy.ts";
import { parseIp } from "./ip.ts";

/** First and last address of a block; both IPv4 or both IPv6. */
type Range<T> = readonly [first: T, last: T];

/** What is wrong with an address or CIDR block (`10.0.0.0/8`, `fd00::/8`, `10.1.2.3`), or `undefined`. */
export function cidrProblem(text: string): string | undefined {
  return rangeOf(text) === undefined ? `${JSON.stringify(text)} is not an IP address or CIDR block` : undefined;
}

/** Addresses in any of a list of blocks; looked up by bisection, so that a long list costs little. Throws InvalidPolicyError. */
export class CidrSet {
  readonly #v4: readonly Range<number>[];
  readonly #v6: readonly Range<bigint>[];

  constructor(blocks: readonly string[]) {
    const v4: Range<number>[] = [];
    const v6: Range<bigint>[] = [];
    for (const block of blocks) {
      const range = rangeOf(block);
      if (range === undefined) throw new InvalidPolicyError(cidrProblem(block) ?? block);
      if (isV4(range)) v4.push(range);
      else v6.push(range);
    }
    this.#v4 = merged(v4);
    this.#v6 = merged(v6);
  }

  has(address: number | bigint): boolean {
    return typeof address === "number" ? contains(this.#v4, address) : contains(this.#v6, address);
  }
}

function isV4(range: Range<number> | Range<bigint>): range is Range<number> {
  return typeof range[0] === "number";
}

function rangeOf(text: string): Range<number> | Range<bigint> | undefined {
  const slash = text.indexOf("/");
  const addressText = slash === -1 ? text : text.slice(0, slash);
  if (addressText.includes("%")) return undefined;
  const address = parseIp(addressText);
  if (address === undefined) return undefined;
  const writtenBits = addressText.includes(":") ? 128 : 32;
  const lengthText = slash === -1 ? String(writtenBits) : text.slice(slash + 1);
  if (!/^(0|[1-9][0-9]{0,2})$/.test(lengthText)) return undefined;
  const length = Number(lengthText);
  if (length > writtenBits) return undefined;
  if (typeof address === "bigint") return rangeV6(address, length);
  if (writtenBits === 32) return rangeV4(address, length);
  // `::ffff:10.0.0.0/104` is a block of mapped IPv4 addresses; a shorter one would mix both kinds.
  return length >= 96 ? rangeV4(address, length - 96) : undefined;
}

function rangeV4(address: number, length: number): Range<number> {
  const size = 2 ** (32 - length);
  const first = Math.floor(address / size) * size;
  return [first, first + size - 1];
}

function rangeV6(address: bigint, length: number): Range<bigint> {
  const bits = BigInt(128 - length);
  const first = (address >> bits) << bits;
  return [first, first + (1n << bits) - 1n];
}

function merged<T extends number | bigint>(ranges: readonly Range<T>[]): readonly Range<T>[] {
  const sorted = [...ranges].sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0));
  const result: Range<T>[] = [];
  for (const range of sorted) {
    const last = result.at(-1);
    if (last === undefined || range[0] > last[1]) result.push(range);
    else if (range[1] > last[1]) result[result.length - 1] = [last[0], range[1]];
  }
  return result;
}

function contains<T extends number | bigint>(ranges: readonly Range<T>[], address: T): boolean {
  let low = 0;
  let high = ranges.length - 1;
  while (low <= high) {
    const middle = (low + high) >> 1;
    const range = ranges[middle]!;
    if (address < range[0]) high = middle - 1;
    else if (address > range[1]) low = middle + 1;
    else return true;
  }
  return false;
}
