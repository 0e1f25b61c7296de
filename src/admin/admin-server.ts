import { existsSync, rmSync } from "node:fs";
import type { Socket, UnixSocketListener } from "bun";
import { type PeerCredentials, peerCredentials } from "../kernel/peer-credentials.ts";
import { fdOf } from "../kernel/socket-fd.ts";
import {
  AdminError,
  type AdminLine,
  CONNECTIONS_MAX,
  REQUEST_BYTES_MAX,
  REQUEST_TIMEOUT_MS,
  RESPONSE_WAITING_BYTES_MAX,
  SMALL_REQUEST_BYTES_MAX,
} from "./protocol.ts";

/** What an operation gets. */
export interface AdminCall {
  readonly op: string;
  readonly request: Readonly<Record<string, unknown>>;
  readonly peer: PeerCredentials;
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal;
  /** Sends an item; resolves when there is room for more. Rejects when the client is gone. */
  send(item: unknown): Promise<void>;
}

export interface AdminHandlers {
  /** Why this peer may not ask, or `undefined`. */
  refuse(peer: PeerCredentials): string | undefined;
  /** Carries out an operation; what it resolves to is the result. Throws AdminError for what the client is told. */
  call(call: AdminCall): Promise<unknown>;
}

/** The unix socket that local operators use; the only thing the keeper listens on. */
export class AdminServer {
  readonly path: string;
  readonly #handlers: AdminHandlers;
  readonly #connections = new Set<Connection>();
  #listener: UnixSocketListener<Connection | undefined> | undefined;

  /** Listens at once. Takes the place of a socket that nobody listens on any more. Throws where it cannot. */
  constructor(path: string, handlers: AdminHandlers) {
    this.path = path;
    this.#handlers = handlers;
    if (existsSync(path)) rmSync(path);
    const mask = process.umask(0o177);
    try {
      this.#listener = this.#listen();
    } finally {
      process.umask(mask);
    }
  }

  /** Ends every connection and removes the socket. */
  close(): void {
    this.#listener?.stop(true);
    for (const connection of this.#connections) connection.end();
    rmSync(this.path, { force: true });
  }

  #listen(): UnixSocketListener<Connection | undefined> {
    return Bun.listen<Connection | undefined>({
      unix: this.path,
      socket: {
        open: (socket) => this.#open(socket),
        data: (socket, bytes) => socket.data?.receive(bytes),
        drain: (socket) => socket.data?.drained(),
        close: (socket) => this.#closed(socket.data),
        error: (socket) => this.#closed(socket.data),
      },
    });
  }

  #open(socket: Socket<Connection | undefined>): void {
    const peer = peerCredentials(fdOf(socket));
    if (peer === null || this.#connections.size >= CONNECTIONS_MAX) {
      socket.end();
      return;
    }
    const connection = new Connection(socket, peer, this.#handlers);
    socket.data = connection;
    this.#connections.add(connection);
  }

  #closed(connection: Connection | undefined): void {
    if (connection === undefined) return;
    this.#connections.delete(connection);
    connection.closed();
  }
}

/** One client and its one request. */
class Connection {
  readonly #socket: Socket<Connection | undefined>;
  readonly #peer: PeerCredentials;
  readonly #handlers: AdminHandlers;
  readonly #gone = new AbortController();
  readonly #timer: Timer;
  #request: Buffer[] = [];
  #requestBytes = 0;
  #isAsked = false;
  #waiting: Buffer[] = [];
  #waitingBytes = 0;
  #onRoom: (() => void)[] = [];
  #isEnding = false;

  constructor(socket: Socket<Connection | undefined>, peer: PeerCredentials, handlers: AdminHandlers) {
    this.#socket = socket;
    this.#peer = peer;
    this.#handlers = handlers;
    this.#timer = setTimeout(() => this.#fail(new AdminError("bad_request", "no request came")), REQUEST_TIMEOUT_MS);
  }

  receive(bytes: Buffer): void {
    // One request per connection: whatever follows its line is not looked at.
    if (this.#isAsked) return;
    const end = bytes.indexOf(10);
    const part = end < 0 ? bytes : bytes.subarray(0, end);
    this.#requestBytes += part.length;
    if (this.#requestBytes > REQUEST_BYTES_MAX) {
      this.#fail(new AdminError("bad_request", `a request of more than ${REQUEST_BYTES_MAX} bytes`));
      return;
    }
    this.#request.push(Buffer.from(part));
    if (end >= 0) void this.#answer(Buffer.concat(this.#request).toString());
  }

  drained(): void {
    while (this.#waiting.length > 0) {
      const head = this.#waiting[0] as Buffer;
      const taken = this.#socket.write(head);
      if (taken < 0) return;
      this.#waitingBytes -= taken;
      if (taken < head.length) {
        this.#waiting[0] = head.subarray(taken);
        return;
      }
      this.#waiting.shift();
    }
    for (const resolve of this.#onRoom.splice(0)) resolve();
    if (this.#isEnding) this.#socket.end();
  }

  end(): void {
    this.#socket.end();
    this.closed();
  }

  closed(): void {
    clearTimeout(this.#timer);
    this.#gone.abort();
    for (const resolve of this.#onRoom.splice(0)) resolve();
  }

  async #answer(line: string): Promise<void> {
    this.#isAsked = true;
    this.#request = [];
    clearTimeout(this.#timer);
    try {
      const request = parseRequest(line, this.#requestBytes);
      const refusal = this.#handlers.refuse(this.#peer);
      if (refusal !== undefined) throw new AdminError("forbidden", refusal);
      const result = await this.#handlers.call({
        op: String(request["op"]),
        request,
        peer: this.#peer,
        signal: this.#gone.signal,
        send: (item) => this.#send({ item }),
      });
      await this.#send({ result: result ?? null });
      this.#finish();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    clearTimeout(this.#timer);
    this.#isAsked = true;
    if (this.#gone.signal.aborted) return;
    const known = error instanceof AdminError ? error : new AdminError("internal", String(error));
    const { code, message, details } = known;
    void this.#send({ error: { ...details, code, message } }).then(
      () => this.#finish(),
      () => {},
    );
  }

  async #send(line: AdminLine): Promise<void> {
    if (this.#gone.signal.aborted) throw new Error("the client is gone");
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    if (this.#waitingBytes === 0) {
      const taken = this.#socket.write(bytes);
      if (taken === bytes.length) return;
      this.#keep(bytes.subarray(Math.max(0, taken)));
    } else {
      this.#keep(bytes);
    }
    if (this.#waitingBytes <= RESPONSE_WAITING_BYTES_MAX) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onRoom.push(resolve);
    await promise;
  }

  #keep(rest: Buffer): void {
    this.#waiting.push(rest);
    this.#waitingBytes += rest.length;
  }

  #finish(): void {
    this.#isEnding = true;
    if (this.#waitingBytes === 0) this.#socket.end();
  }
}

function parseRequest(line: string, bytes: number): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    throw new AdminError("bad_request", "the request is not JSON");
  }
  if (typeof value !== "object" || value === null || !("op" in value) || typeof value.op !== "string") {
    throw new AdminError("bad_request", "the request names no op");
  }
  if (bytes > SMALL_REQUEST_BYTES_MAX && value.op !== "apply" && value.op !== "identity-restore")
    throw new AdminError("bad_request", "the request is too long");
  return value as Readonly<Record<string, unknown>>;
}
