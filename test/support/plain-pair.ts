/** Two ends of one connection in this process, and what happened to each. */

import type { Socket, SocketHandler } from "bun";

/** One end. */
export interface End {
  readonly socket: Socket<undefined>;
  /** `data N`, `end`, `drain`, `close`, in order; runs of data are one entry. */
  readonly events: readonly string[];
  /** All bytes that arrived. */
  bytes(): Buffer;
  /** Resolves when `event` has happened, also where it already had. */
  saw(event: "end" | "drain" | "close"): Promise<void>;
  /** Resolves when `count` bytes have arrived. */
  heard(count: number): Promise<void>;
}

/** Options for either side: TLS, half-open. */
export interface PairOptions {
  readonly listen?: Readonly<Record<string, unknown>>;
  readonly connect?: Readonly<Record<string, unknown>>;
}

/** A connected pair; `close` takes both ends and the listener down. */
export interface Pair {
  readonly client: End;
  readonly server: End;
  close(): void;
}

class Recorder implements End {
  #socket: Socket<undefined> | undefined;
  readonly events: string[] = [];
  readonly #chunks: Buffer[] = [];
  readonly #waiting: { readonly isDone: () => boolean; readonly resolve: () => void }[] = [];
  readonly opened = Promise.withResolvers<void>();
  #count = 0;

  get socket(): Socket<undefined> {
    if (this.#socket === undefined) throw new Error("not open");
    return this.#socket;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  saw(event: string): Promise<void> {
    return this.#until(() => this.events.includes(event));
  }

  heard(count: number): Promise<void> {
    return this.#until(() => this.#count >= count);
  }

  /** `isSecure`: open means that the handshake is done. */
  handlers(isSecure: boolean): SocketHandler<undefined> {
    const open = (socket: Socket<undefined>) => {
      this.#socket = socket;
      this.opened.resolve();
    };
    return {
      ...(isSecure ? { handshake: open } : { open }),
      data: (_, chunk) => {
        this.#chunks.push(Buffer.from(chunk));
        this.#count += chunk.length;
        if (this.events.at(-1) !== "data") this.events.push("data");
        this.#check();
      },
      end: () => this.#note("end"),
      drain: () => this.#note("drain"),
      close: () => this.#note("close"),
      error() {},
    };
  }

  #note(event: string): void {
    this.events.push(event);
    this.#check();
  }

  #until(isDone: () => boolean): Promise<void> {
    if (isDone()) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.push({ isDone, resolve }));
  }

  #check(): void {
    for (const waiting of this.#waiting) if (waiting.isDone()) waiting.resolve();
  }
}

/** Opens a pair on loopback. */
export async function openPair({ listen = {}, connect = {} }: PairOptions = {}): Promise<Pair> {
  const isSecure = "tls" in listen;
  const server = new Recorder();
  const client = new Recorder();
  const listening = { ...listen, hostname: "127.0.0.1", port: 0, socket: server.handlers(isSecure) };
  const listener = Bun.listen<undefined>(listening);
  const connecting = { ...connect, hostname: "127.0.0.1", port: listener.port, socket: client.handlers(isSecure) };
  const socket = await Bun.connect<undefined>(connecting);
  await Promise.all([server.opened.promise, client.opened.promise]);
  return {
    client,
    server,
    close() {
      socket.terminate();
      listener.stop(true);
    },
  };
}

/** Bytes that tell if any of them is missing, doubled or out of order. */
export function pattern(length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  let state = 1;
  for (let at = 0; at < length; at++) {
    state = (state * 1_103_515_245 + 12_345) & 0x7fff_ffff;
    bytes[at] = state >> 16;
  }
  return bytes;
}
