/** What bulk over a tunnel arrives as: every byte, in order, in both directions at once, whoever reads at whatever pace. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import type { TCPSocketListener } from "bun";
import { serviceDoc } from "../../support/test-mesh.ts";
import { nodeWorkload, startPair, type TunnelPair } from "../../support/tunnel-pair.ts";

const BYTES = 24 * 2 ** 20;
const STREAMS = 4;
/** Pieces that no frame, window or read is a multiple of. */
const PATTERN_BYTES = 1_000_003;
/** The slow ones stop for a moment after so much. */
const PAUSE_EVERY_BYTES = 2 ** 20;
const PAUSE_MS = 5;

/** Of each stream another one, so that bytes of one in another are seen. */
const patterns = Array.from({ length: STREAMS }, (_, stream) => {
  const pattern = Buffer.alloc(PATTERN_BYTES);
  for (let i = 0; i < PATTERN_BYTES; i++) pattern[i] = (i * 31 + (i >>> 8) * 7 + stream * 101) & 0xff;
  return pattern;
});

/** Sends BYTES of a pattern as the socket takes them, then ends. */
class Sending {
  readonly pattern: Buffer;
  #at = 0;

  constructor(pattern: Buffer) {
    this.pattern = pattern;
  }

  pour(socket: { write(bytes: Uint8Array): number; shutdown(): void }): void {
    while (this.#at < BYTES) {
      const from = this.#at % PATTERN_BYTES;
      const piece = this.pattern.subarray(from, Math.min(PATTERN_BYTES, from + BYTES - this.#at));
      const sent = Math.max(0, socket.write(piece));
      this.#at += sent;
      if (sent < piece.length) return;
    }
    if (this.#at === BYTES) {
      this.#at++;
      socket.shutdown();
    }
  }
}

/** Compares what comes with a pattern. */
class Receiving {
  bytes = 0;
  wrongAt = -1;
  readonly isSlow: boolean;
  /** Its other end has sent its last byte, or is gone. */
  readonly ended = Promise.withResolvers<void>();
  #pattern: Buffer | null;
  #pausedAt = 0;

  /** @param pattern `null`: as the first byte says. */
  constructor(pattern: Buffer | null, isSlow: boolean) {
    this.#pattern = pattern;
    this.isSlow = isSlow;
  }

  take(chunk: Buffer, socket: { pause(): void; resume(): void }): void {
    this.#pattern ??= patterns.find((one) => one[0] === chunk[0]) ?? patterns[0]!;
    for (let at = 0; at < chunk.length; ) {
      const from = (this.bytes + at) % PATTERN_BYTES;
      const length = Math.min(chunk.length - at, PATTERN_BYTES - from);
      const isSame = chunk.compare(this.#pattern, from, from + length, at, at + length) === 0;
      if (!isSame && this.wrongAt < 0) this.wrongAt = this.bytes + at;
      at += length;
    }
    this.bytes += chunk.length;
    if (!this.isSlow || this.bytes - this.#pausedAt < PAUSE_EVERY_BYTES) return;
    this.#pausedAt = this.bytes;
    socket.pause();
    setTimeout(() => socket.resume(), PAUSE_MS);
  }
}

interface End {
  /** `null`: it is not known yet what. */
  sending: Sending | null;
  readonly receiving: Receiving;
}

let served = 0;
let called: Receiving[] = [];
let listener: TCPSocketListener<End>;
let pair: TunnelPair;

beforeAll(async () => {
  listener = Bun.listen<End>({
    hostname: "127.0.0.1",
    port: 0,
    allowHalfOpen: true,
    socket: {
      open: (socket) => {
        const receiving = new Receiving(null, served++ % 2 === 1);
        called.push(receiving);
        socket.data = { sending: null, receiving };
      },
      data: (socket, chunk) => {
        if (socket.data.sending === null) {
          socket.data.sending = new Sending(patterns.find((one) => one[0] === chunk[0]) ?? patterns[0]!);
          socket.data.sending.pour(socket);
        }
        socket.data.receiving.take(chunk, socket);
      },
      drain: (socket) => socket.data.sending?.pour(socket),
      end: (socket) => socket.data.receiving.ended.resolve(),
      close: (socket) => socket.data.receiving.ended.resolve(),
    },
  });
  pair = await startPair({
    documents: [nodeWorkload("mirror", "till-2", listener.port), serviceDoc("mirror", {}, 5432, "tcp")],
  });
});

afterAll(async () => {
  await pair[Symbol.asyncDispose]();
  listener.stop(true);
});

/** Asks for the mirror, sends a pattern and reads what comes; resolves when the other side has ended. */
function exchange(pattern: Buffer, isSlow: boolean): Promise<Receiving> {
  const { promise, resolve, reject } = Promise.withResolvers<Receiving>();
  const end: End = { sending: new Sending(pattern), receiving: new Receiving(pattern, isSlow) };
  let head = "";
  let isGranted = false;
  void Bun.connect({
    hostname: "127.0.0.1",
    port: pair.source.outbound,
    allowHalfOpen: true,
    socket: {
      open: (socket) => void socket.write("CONNECT mirror:5432 HTTP/1.1\r\nhost: mirror:5432\r\n\r\n"),
      data: (socket, chunk) => {
        if (isGranted) {
          end.receiving.take(chunk, socket);
          return;
        }
        head += chunk.toString("latin1");
        const at = head.indexOf("\r\n\r\n");
        if (at < 0) return;
        if (!head.startsWith("HTTP/1.1 200")) reject(new Error(head));
        isGranted = true;
        const rest = Buffer.from(head.slice(at + 4), "latin1");
        if (rest.length > 0) end.receiving.take(rest, socket);
        end.sending?.pour(socket);
      },
      drain: (socket) => {
        if (isGranted) end.sending?.pour(socket);
      },
      end: () => resolve(end.receiving),
      close: () => resolve(end.receiving),
      error: (_socket, error) => reject(error),
    },
  });
  return promise;
}

test("every byte of bulk arrives in order, both ways, whoever pauses", async () => {
  called = [];
  const received = await Promise.all(patterns.map((pattern, i) => exchange(pattern, i >= STREAMS / 2)));
  // Either direction may be done first.
  await Promise.all(called.map(({ ended }) => ended.promise));
  for (const { bytes, wrongAt } of [...received, ...called]) expect([bytes, wrongAt]).toEqual([BYTES, -1]);
  expect(called).toHaveLength(STREAMS);
}, 60_000);
