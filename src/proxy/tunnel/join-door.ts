import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";
import {
  frameJoinMessage,
  JOIN_EXPORTER_LABEL,
  JOIN_HEAD_BYTES,
  JOIN_KEYING_BYTES,
  JOIN_REQUEST_BYTES_MAX,
  readJoinHead,
} from "../../identity/join-protocol.ts";
import type { KeeperRelay } from "./keeper-relay.ts";
import { JOIN_EXCHANGES_MAX, JOIN_TIMEOUT_MS, JOINERS_MAX, JOINERS_PER_ADDRESS_MAX } from "./limits.ts";
import type { Speaker, TlsConnection } from "./tls-connection.ts";
import { exportedMaterial } from "./tls-session.ts";

/** Clock and keeper of the door. */
export interface JoinDoorHost {
  readonly wheel: TimerWheel;
  readonly relay: KeeperRelay;
  nowMs(): number;
}

/**
 * Where a machine without identity may ask for one, while the keeper says so. It gets at nothing but the keeper's judgement, of
 * which this worker understands nothing: a few short questions on a connection that does not last.
 */
export class JoinDoor {
  readonly #host: JoinDoorHost;
  readonly #joiners = new Set<Joiner>();
  #isOpen = false;

  constructor(host: JoinDoorHost) {
    this.#host = host;
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Opens or shuts; who is within is put out. */
  set(isOpen: boolean): void {
    this.#isOpen = isOpen;
    if (!isOpen) for (const joiner of [...this.#joiners]) joiner.connection.cut("door_closed");
  }

  /** Somebody is there: what speaks with them, or why not. */
  enter(connection: TlsConnection): Speaker | string {
    if (!this.#isOpen) return "door_closed";
    const same = [...this.#joiners].filter((joiner) => joiner.connection.address === connection.address);
    if (same.length >= JOINERS_PER_ADDRESS_MAX && !putOutOne(same)) return "limit";
    if (this.#joiners.size >= JOINERS_MAX && !putOutOne(this.#joiners)) return "limit";
    if (connection.socket === null) return "closed";
    const material = exportedMaterial(connection.socket as never, JOIN_EXPORTER_LABEL, JOIN_KEYING_BYTES);
    if (material === undefined) return "no_keying_material";
    const joiner = new Joiner(this.#host, connection, material, () => this.#joiners.delete(joiner));
    this.#joiners.add(joiner);
    return joiner;
  }
}

/** Whoever stands there longest without a question under way: one of ours asks with its first byte. */
function putOutOne(joiners: Iterable<Joiner>): boolean {
  for (const joiner of joiners) {
    if (joiner.isAsking) continue;
    joiner.connection.cut("others_wait");
    return true;
  }
  return false;
}

/** One connection at the door. */
class Joiner implements Speaker {
  readonly connection: TlsConnection;
  readonly #host: JoinDoorHost;
  readonly #material: Uint8Array;
  readonly #left: () => void;
  readonly #timer: Timer;
  #held: Uint8Array = new Uint8Array(0);
  #unsent: Uint8Array = new Uint8Array(0);
  #exchanges = 0;
  #asked: number | null = null;

  constructor(host: JoinDoorHost, connection: TlsConnection, material: Uint8Array, left: () => void) {
    this.#host = host;
    this.connection = connection;
    this.#material = material;
    this.#left = left;
    this.#timer = new Timer(() => connection.cut("join_timeout"));
    host.wheel.arm(this.#timer, host.nowMs(), JOIN_TIMEOUT_MS);
  }

  /** Whether the keeper has a question of its. */
  get isAsking(): boolean {
    return this.#asked !== null;
  }

  received(bytes: Buffer): void {
    // One question at a time; who says more before the answer is not one of ours.
    if (this.#asked !== null || this.#held.length + bytes.length > JOIN_HEAD_BYTES + JOIN_REQUEST_BYTES_MAX) {
      this.connection.cut("join_form");
      return;
    }
    this.#held = Buffer.concat([this.#held, bytes]);
    const head = readJoinHead(this.#held);
    if (head === undefined) return;
    const missing = JOIN_HEAD_BYTES + head.length - this.#held.length;
    if (head.length > JOIN_REQUEST_BYTES_MAX || missing < 0) this.connection.cut("join_form");
    else if (missing === 0) this.#ask(head.word, this.#held.subarray(JOIN_HEAD_BYTES));
  }

  drained(): void {
    this.#flush();
  }

  gone(): void {
    this.#host.wheel.remove(this.#timer);
    if (this.#asked !== null) this.#host.relay.forget(this.#asked);
    this.#left();
  }

  #ask(kind: number, question: Uint8Array): void {
    this.#held = new Uint8Array(0);
    const { address } = this.connection;
    // The keeper judges what is bound to this session, and has none itself.
    const bytes = Buffer.concat([this.#material, question]);
    const asked = { door: "join", node: "", address, kind, bytes } as const;
    this.#exchanges++;
    this.#asked =
      this.#exchanges > JOIN_EXCHANGES_MAX
        ? null
        : this.#host.relay.ask(asked, (status, answer) => this.#answer(status, answer));
    if (this.#asked === null) this.connection.cut("limit");
  }

  #answer(status: number | null, bytes: Uint8Array): void {
    this.#asked = null;
    if (status === null) {
      this.connection.cut("no_keeper");
      return;
    }
    this.#unsent = frameJoinMessage(status, bytes);
    this.#flush();
  }

  #flush(): void {
    if (this.#unsent.length === 0) return;
    const sent = this.connection.socket?.write(this.#unsent) ?? -1;
    if (sent > 0) this.#unsent = this.#unsent.subarray(sent);
  }
}
