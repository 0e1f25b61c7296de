/** One end of a TCP or unix connection in a test's hands: bytes in and out, every wait an event. */
import type { Socket, SocketHandler } from "bun";

interface Waiting {
  isMet(): boolean;
  resolve(): void;
  reject(error: Error): void;
}

/** A connection's end. Whoever made it closes it: `destroy` is safe to call twice. */
export class RawPeer {
  /** What has arrived and was not taken. */
  received: Buffer = Buffer.alloc(0);
  /** Bytes that have arrived ever. */
  totalBytes = 0;
  /** The other end sent its last byte. */
  hasEnded = false;
  isClosed = false;
  #socket: Socket<RawPeer> | null = null;
  #waiting: Waiting[] = [];
  #queue: Buffer[] = [];
  #endsAfterQueue = false;

  /** For the handlers below. */
  attach(socket: Socket<RawPeer>): void {
    this.#socket = socket;
  }

  take(bytes: Uint8Array): void {
    this.totalBytes += bytes.length;
    this.received = this.received.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.received, bytes]);
    this.#look();
  }

  end(): void {
    this.hasEnded = true;
    this.#look();
  }

  close(): void {
    this.hasEnded = true;
    this.isClosed = true;
    this.#socket = null;
    this.#look();
  }

  flush(): void {
    while (this.#queue.length > 0 && this.#socket) {
      const chunk = this.#queue[0]!;
      const sent = this.#socket.write(chunk);
      if (sent < 0) {
        this.#queue = [];
        return;
      }
      if (sent < chunk.length) {
        this.#queue[0] = chunk.subarray(sent);
        return;
      }
      this.#queue.shift();
    }
    if (this.#endsAfterQueue && this.#queue.length === 0) this.#socket?.shutdown();
    this.#look();
  }

  /** Sends bytes; a string is one byte per character. */
  send(bytes: string | Uint8Array): void {
    this.#queue.push(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : Buffer.from(bytes));
    this.flush();
  }

  /** Everything that was sent has been taken by the kernel. */
  get isFlushed(): boolean {
    return this.#queue.length === 0;
  }

  /** Half-closes behind what was sent. */
  finish(): void {
    this.#endsAfterQueue = true;
    this.flush();
  }

  /** Resets the connection. */
  destroy(): void {
    this.#queue = [];
    this.#socket?.terminate();
    this.close();
  }

  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** Waits until `isMet`; rejects when the connection is gone before. */
  until(isMet: () => boolean, what = "what was waited for"): Promise<void> {
    if (isMet()) return Promise.resolve();
    if (this.isClosed) return Promise.reject(this.#lost(what));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ isMet, resolve, reject: () => reject(this.#lost(what)) });
    });
  }

  /** The next `bytes`, taken out. */
  async read(bytes: number): Promise<Buffer> {
    await this.until(() => this.received.length >= bytes, `${bytes} bytes`);
    return this.#cut(bytes);
  }

  /** Everything up to and including `mark`, taken out; one character per byte. */
  async readThrough(mark: string): Promise<string> {
    await this.until(() => this.received.includes(mark, 0, "latin1"), JSON.stringify(mark));
    return this.#cut(this.received.indexOf(mark, 0, "latin1") + mark.length).toString("latin1");
  }

  /** Everything until the other end has sent its last byte or reset; one character per byte. */
  async readAll(): Promise<string> {
    await this.ended();
    return this.#cut(this.received.length).toString("latin1");
  }

  /** The other end sent its last byte, or the connection is gone. */
  ended(): Promise<void> {
    return this.until(() => this.hasEnded);
  }

  /** The connection is gone. */
  closed(): Promise<void> {
    return this.until(() => this.isClosed);
  }

  #cut(bytes: number): Buffer {
    const taken = this.received.subarray(0, bytes);
    this.received = this.received.subarray(bytes);
    return taken;
  }

  #lost(what: string): Error {
    return new Error(
      `the connection is gone before ${what}; left: ${JSON.stringify(this.received.toString("latin1", 0, 500))}`,
    );
  }

  #look(): void {
    if (this.#waiting.length === 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const one of waiting) {
      if (one.isMet()) one.resolve();
      else if (this.isClosed) one.reject(new Error("closed"));
      else this.#waiting.push(one);
    }
  }
}

const HANDLERS: SocketHandler<RawPeer> = {
  open: (socket) => socket.data?.attach(socket),
  data: (socket, bytes) => socket.data.take(bytes),
  drain: (socket) => socket.data.flush(),
  end: (socket) => socket.data.end(),
  close: (socket) => socket.data?.close(),
  error: (socket) => socket.data?.close(),
};

/** Where to connect to. */
export type RawAddress = { readonly port: number; readonly hostname?: string } | { readonly unix: string };

/** Connects; rejects where that fails. One that was accepted and reset before this process looked is a peer that is closed. */
export async function connectRaw(to: RawAddress): Promise<RawPeer> {
  const data = new RawPeer();
  const common = { data, socket: HANDLERS, allowHalfOpen: true };
  try {
    const socket =
      "unix" in to
        ? await Bun.connect<RawPeer>({ ...common, unix: to.unix })
        : await Bun.connect<RawPeer>({ ...common, hostname: to.hostname ?? "127.0.0.1", port: to.port });
    data.attach(socket);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ECONNRESET") throw error;
    data.close();
  }
  return data;
}

/** A server that a test scripts. */
export interface RawServer extends Disposable {
  readonly port: number;
  /** Every connection that was accepted, in order. */
  readonly peers: readonly RawPeer[];
  /** The next connection that is accepted. */
  next(): Promise<RawPeer>;
  /** Takes no more connections; those that are open stay. */
  stop(): void;
}

/** Listens on the loopback, or at a path, and hands every connection to `script`. A script that fails resets its connection. */
export function listenRaw(
  script: (peer: RawPeer, index: number) => Promise<void> | void = () => undefined,
  at: { readonly hostname?: string; readonly port?: number } | { readonly unix: string } = {},
): RawServer {
  const peers: RawPeer[] = [];
  let waiting: ((peer: RawPeer) => void)[] = [];
  const options = {
    allowHalfOpen: true,
    socket: {
      ...HANDLERS,
      open: (socket: Socket<RawPeer>) => {
        const peer = new RawPeer();
        socket.data = peer;
        peer.attach(socket);
        peers.push(peer);
        const told = waiting;
        waiting = [];
        for (const tell of told) tell(peer);
        Promise.resolve(script(peer, peers.length - 1)).catch(() => peer.destroy());
      },
    },
  };
  const server =
    "unix" in at
      ? Bun.listen<RawPeer>({ ...options, unix: at.unix })
      : Bun.listen<RawPeer>({ ...options, hostname: at.hostname ?? "127.0.0.1", port: at.port ?? 0 });
  return {
    port: "port" in server ? server.port : 0,
    peers,
    next: () => new Promise((resolve) => waiting.push(resolve)),
    stop: () => server.stop(),
    [Symbol.dispose]: () => {
      server.stop(true);
      for (const peer of peers) peer.destroy();
    },
  };
}
