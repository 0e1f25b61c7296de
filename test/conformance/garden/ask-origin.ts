/** Sends bytes to an origin and tells how many requests it saw in them. */
import { bytesOf } from "../http1/judge.ts";
import type { Origin } from "./origins.ts";

export interface SeenByOrigin {
  /** Requests that the origin understood, in order, without the sentinel: `METHOD TARGET BODYBYTES`. */
  readonly requests: readonly string[];
  /** Status of every answer, the sentinel's too. */
  readonly statuses: readonly number[];
  /** True where the request behind the bytes was seen as a request of its own. */
  readonly sawSentinel: boolean;
  /** True where the origin neither closed nor answered everything in time: it waits for more. */
  readonly isHanging: boolean;
}

const SENTINEL_TARGET = "/sentinel-of-the-garden";
const SENTINEL = bytesOf(`GET ${SENTINEL_TARGET} HTTP/1.1\r\nHost: shop\r\nConnection: close\r\n\r\n`);
const SENTINEL_SEEN = `GET ${SENTINEL_TARGET} 0`;

/** How long an origin may keep the connection open before it counts as waiting for more. */
export const HANGING_AFTER_MS = 1500;

/** The answers' heads; the origins' bodies hold nothing that looks like one. */
const ANSWER = /HTTP\/1\.[01] (\d{3})[^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n/g;

function exchange(
  unix: string,
  bytes: Uint8Array,
  hangingAfterMs: number,
): Promise<{ text: string; isHanging: boolean }> {
  return new Promise((resolve, reject) => {
    const decoder = new TextDecoder("latin1");
    let text = "";
    let isHanging = false;
    let left = bytes;
    const write = (socket: { write(data: Uint8Array): number }): void => {
      const taken = socket.write(left);
      if (taken > 0) left = left.subarray(taken);
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const finish = (): void => {
      clearTimeout(timer);
      resolve({ text, isHanging });
    };
    const connected = Bun.connect({
      unix,
      socket: {
        open: write,
        drain: write,
        data: (_, data) => {
          text += decoder.decode(data);
        },
        close: finish,
        error: finish,
      },
    });
    connected.then((socket) => {
      if (socket.readyState <= 0) return;
      timer = setTimeout(() => {
        isHanging = true;
        socket.terminate();
        finish();
      }, hangingAfterMs);
    }, reject);
  });
}

/**
 * Writes `bytes` and, right behind them on the same connection, a sentinel request that asks for the close. An origin that
 * ends the request elsewhere than we do swallows the sentinel, sees it in pieces, or sees another request before it.
 */
export async function askOrigin(
  origin: Origin,
  bytes: Uint8Array,
  hangingAfterMs = HANGING_AFTER_MS,
): Promise<SeenByOrigin> {
  const all = new Uint8Array(bytes.length + SENTINEL.length);
  all.set(bytes);
  all.set(SENTINEL, bytes.length);
  const { text, isHanging } = await exchange(origin.unix, all, hangingAfterMs);
  const statuses: number[] = [];
  const requests: string[] = [];
  for (const [, status, lines] of text.matchAll(ANSWER)) {
    if (status === "100") continue;
    statuses.push(Number(status));
    const seen = /^x-seen: ?(.*)\r$/im.exec(lines!)?.[1];
    if (seen !== undefined) requests.push(seen);
  }
  const sawSentinel = requests.at(-1) === SENTINEL_SEEN;
  return { requests: sawSentinel ? requests.slice(0, -1) : requests, statuses, sawSentinel, isHanging };
}
