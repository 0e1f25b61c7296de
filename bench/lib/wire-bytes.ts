/** What crosses between two ends, as the kernel counts it for each connection. */

/** Content (TLS records included) and segments, both ways, of all connections. */
export interface WireCount {
  readonly bytes: number;
  readonly segments: number;
}

/** IPv4 and TCP headers with time stamps. */
const SEGMENT_HEAD_BYTES = 52;

/** Reads what `ss -tiH` prints. */
export function parseSs(text: string): WireCount {
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`\\b${name}:(\\d+)`, "g"))].reduce((total, found) => total + Number(found[1]), 0);
  return { bytes: sum("bytes_sent") + sum("bytes_received"), segments: sum("segs_out") + sum("segs_in") };
}

/** Counts of the connections that are open now towards an address. */
export function wireTo({ hostname, port }: { readonly hostname: string; readonly port: number }): WireCount {
  const { stdout } = Bun.spawnSync(["ss", "-tniH", "state", "established", "dst", `${hostname}:${port}`]);
  return parseSs(stdout.toString());
}

/** Bytes between two counts; with and without what TCP/IP adds. */
export function wireBetween(before: WireCount, after: WireCount): { readonly content: number; readonly all: number } {
  const content = after.bytes - before.bytes;
  return { content, all: content + (after.segments - before.segments) * SEGMENT_HEAD_BYTES };
}
