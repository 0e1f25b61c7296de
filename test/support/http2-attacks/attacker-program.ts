/**
 * Lets an attack run, in a process of its own. Argument: `AttackOrder`. Prints `started`; answers each line of input with an
 * `AttackReport` of what was done since the start.
 */
import type { Socket } from "bun";
import { codeName, FRAME } from "../http2-frames.ts";
import { ATTACKS, type AttackTarget } from "./attacks.ts";

export interface AttackOrder {
  readonly attack: string;
  readonly hostname: string;
  readonly port: number;
  readonly target: AttackTarget;
  /** Open at any time; one that was ended is replaced. */
  readonly connections: number;
  /** New connections per second, all together. */
  readonly connectionsPerSecond: number;
}

export interface AttackReport {
  readonly opened: number;
  readonly refused: number;
  /** Bytes that left. */
  readonly sentBytes: number;
  /** How connections ended: names of GOAWAY's codes, or `closed` without one. Those of this end are not counted. */
  readonly endings: Readonly<Record<string, number>>;
  /** Open now. */
  readonly open: number;
  /** How long the connections that were ended had lived, the longest, in milliseconds. */
  readonly longestMs: number;
  /** Bytes of answers that were read. */
  readonly readBytes: number;
}

interface Assault {
  /** Bytes of `pieces[piece]` that left. */
  sent: number;
  piece: number;
  readonly openedAtMs: number;
  /** Start of what the server said, and its end: enough to find a GOAWAY in. */
  last: Buffer;
}

/** Between two pieces of what is sent. Reason: a server on the same machine has looked at the first by then. */
const PIECE_GAP_MS = 3;

/** Bytes at the end of a connection in which its GOAWAY is looked for. */
const TAIL_BYTES = 4096;

/** The code of the last GOAWAY in the end of what a server sent; `undefined` where there is none. */
export function goAwayCode(tail: Buffer): number | undefined {
  for (let at = tail.length - 17; at >= 0; at--) {
    const isHead = tail[at] === 0 && tail[at + 3] === FRAME.GOAWAY && tail[at + 4] === 0;
    if (!isHead || tail.readUInt32BE(at + 5) !== 0) continue;
    const length = (tail[at + 1]! << 8) | tail[at + 2]!;
    if (at + 9 + length === tail.length) return tail.readUInt32BE(at + 13);
  }
  return undefined;
}

/** Attacks until the process ends. */
export class Attacker {
  readonly #order: AttackOrder;
  readonly #pieces: readonly Buffer[];
  readonly #isDeaf: boolean;
  readonly #endings: Record<string, number> = {};
  #opened = 0;
  #refused = 0;
  #sentBytes = 0;
  #readBytes = 0;
  #open = 0;
  #longestMs = 0;
  #wanted: number;

  constructor(order: AttackOrder) {
    const attack = ATTACKS.find(({ name }) => name === order.attack);
    if (attack === undefined) throw new Error(`no attack ${order.attack}`);
    this.#order = order;
    this.#pieces = attack.pieces(order.target);
    this.#isDeaf = attack.isDeaf === true;
    this.#wanted = order.connections;
  }

  get report(): AttackReport {
    return {
      opened: this.#opened,
      refused: this.#refused,
      sentBytes: this.#sentBytes,
      endings: this.#endings,
      open: this.#open,
      longestMs: Math.round(this.#longestMs),
      readBytes: this.#readBytes,
    };
  }

  /** Opens what is missing, at the rate that was ordered. */
  async run(): Promise<void> {
    const gapMs = 1000 / this.#order.connectionsPerSecond;
    for (;;) {
      if (this.#open < this.#wanted) void this.#connect();
      await Bun.sleep(gapMs);
    }
  }

  async #connect(): Promise<void> {
    const { hostname, port } = this.#order;
    this.#open++;
    try {
      await Bun.connect<Assault>({
        hostname,
        port,
        data: { sent: 0, piece: 0, openedAtMs: performance.now(), last: Buffer.alloc(0) },
        socket: {
          open: (socket) => {
            this.#opened++;
            if (this.#isDeaf) socket.pause();
            this.#send(socket);
          },
          drain: (socket) => this.#send(socket),
          data: (socket, chunk) => this.#hear(socket.data, chunk),
          close: (socket) => this.#closed(socket.data),
          error() {},
        },
      });
    } catch {
      this.#refused++;
      this.#open--;
    }
  }

  #send(socket: Socket<Assault>): void {
    const assault = socket.data;
    const piece = this.#pieces[assault.piece];
    if (piece === undefined) return;
    const written = socket.write(piece, assault.sent);
    if (written < 0) return;
    assault.sent += written;
    this.#sentBytes += written;
    if (assault.sent < piece.length) return;
    assault.piece++;
    assault.sent = 0;
    setTimeout(() => this.#send(socket), PIECE_GAP_MS);
  }

  #hear(assault: Assault, chunk: Buffer): void {
    this.#readBytes += chunk.length;
    const whole = chunk.length >= TAIL_BYTES ? chunk : Buffer.concat([assault.last, chunk]);
    assault.last = Buffer.from(whole.subarray(Math.max(0, whole.length - TAIL_BYTES)));
  }

  #closed({ last, openedAtMs }: Assault): void {
    this.#open--;
    this.#longestMs = Math.max(this.#longestMs, performance.now() - openedAtMs);
    const code = goAwayCode(last);
    const ending = code === undefined ? "closed" : codeName(code);
    this.#endings[ending] = (this.#endings[ending] ?? 0) + 1;
  }
}

if (import.meta.main) {
  const attacker = new Attacker(JSON.parse(process.argv[2] ?? "{}") as AttackOrder);
  void attacker.run();
  console.log("started");
  for await (const _ of console) console.log(JSON.stringify(attacker.report));
}
