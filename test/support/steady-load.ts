/**
 * Callers of all kinds that ask steadily and check every answer: whose it is, which service gave it, that it is whole. What goes
 * wrong is kept in words; nothing is tried again in silence.
 */
import { H2Client } from "./h2-client.ts";
import { ask, getText, headerOf } from "./raw-http.ts";
import { connectRaw, type RawPeer } from "./raw-peer.ts";

/** How many of each kind at a time; none by default. */
export interface SteadyLoad {
  /** HTTP/1.1 on connections that are kept, to each service in turn. */
  readonly keepAlive?: number;
  /** Answers that take LONG_PARTS times LONG_PART_MS. */
  readonly long?: number;
  /** Conversations of gRPC, CHAT_MESSAGES each. */
  readonly chats?: number;
  /** TCP streams that are echoed, TCP_CHUNKS each. */
  readonly tcp?: number;
}

/** Names of the services at the mesh. */
export const SERVICES = ["orders", "payments"] as const;
export const CHAT_SERVICE = "chat";
export const TCP_SERVICE = "db";
export const CHAT_PORT = 50_051;
export const TCP_PORT = 5432;

/** A long answer takes so many parts. */
export const LONG_PARTS = 20;
export const LONG_PART_MS = 50;
const CHAT_MESSAGES = 40;
const CHAT_GAP_MS = 25;
const TCP_CHUNKS = 40;
const TCP_GAP_MS = 25;
const GAP_MS = 3;

/** Running callers. `stop` lets what is under way end. */
export class SteadyCallers {
  /** What was done, by kind. */
  readonly done = { keepAlive: 0, long: 0, chats: 0, tcp: 0 };
  /** What went wrong, in words, and how often. */
  readonly failures = new Map<string, number>();
  /** When an answer was good last; on `performance.now()`. */
  goodAtMs = 0;
  /** Of the answers on connections that are kept, good and bad, in the order in which they came; milliseconds. */
  readonly tookMs: number[] = [];
  readonly #port: number;
  readonly #all: Promise<void>[];
  #isOver = false;
  #serial = 0;

  /** @param port of the caller's node's outbound listener. */
  constructor(port: number, load: SteadyLoad) {
    this.#port = port;
    const many = (count = 0, run: () => Promise<void>) => Array.from({ length: count }, run);
    this.#all = [
      ...many(load.keepAlive, () => this.#keepAlive()),
      ...many(load.long, () => this.#again("long", () => this.#long())),
      ...many(load.chats, () => this.#chats()),
      ...many(load.tcp, () => this.#again("tcp", () => this.#stream())),
    ];
  }

  get failed(): number {
    return [...this.failures.values()].reduce((sum, count) => sum + count, 0);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#all);
  }

  #fail(kind: string, what: string): void {
    const words = `${kind}: ${what}`;
    this.failures.set(words, (this.failures.get(words) ?? 0) + 1);
  }

  #good(kind: keyof SteadyCallers["done"]): void {
    this.done[kind]++;
    this.goodAtMs = performance.now();
  }

  async #again(kind: "long" | "tcp", once: () => Promise<string>): Promise<void> {
    while (!this.#isOver) {
      const problem = await once().catch((error: Error) => error.message.slice(0, 120));
      if (problem === "") this.#good(kind);
      else this.#fail(kind, problem);
      await Bun.sleep(GAP_MS);
    }
  }

  async #keepAlive(): Promise<void> {
    let peer: RawPeer | null = null;
    while (!this.#isOver) {
      const startedMs = performance.now();
      const serial = ++this.#serial;
      const service = SERVICES[serial % SERVICES.length] as string;
      try {
        peer ??= await connectRaw({ port: this.#port });
        const { status, body, lines } = await ask(peer, getText(`/echo/${serial}`, service));
        this.tookMs.push(performance.now() - startedMs);
        const said = body.toString();
        if (status !== 200)
          this.#fail("keepAlive", `${status} ${headerOf({ lines } as never, "x-selvedge-reason") ?? ""}`);
        else if (said !== `${service} /echo/${serial}`) this.#fail("keepAlive", "another's answer");
        else this.#good("keepAlive");
      } catch {
        this.#fail("keepAlive", "lost");
        peer?.destroy();
        peer = null;
      }
      await Bun.sleep(GAP_MS);
    }
    peer?.destroy();
  }

  async #long(): Promise<string> {
    const peer = await connectRaw({ port: this.#port });
    const path = `/long/${++this.#serial}`;
    try {
      const { status, body } = await ask(peer, getText(path, "orders"));
      if (status !== 200) return String(status);
      return body.toString() === longAnswer("orders", path).join("") ? "" : "another's answer";
    } finally {
      peer.destroy();
    }
  }

  async #stream(): Promise<string> {
    const peer = await openTcp(this.#port);
    try {
      for (let chunk = 0; chunk < TCP_CHUNKS && !this.#isOver; chunk++) {
        const problem = await echoed(peer, `${++this.#serial} of a stream `.repeat(20));
        if (problem !== "") return problem;
        await Bun.sleep(TCP_GAP_MS);
      }
      peer.finish();
      await peer.ended();
      return "";
    } finally {
      peer.destroy();
    }
  }

  async #chats(): Promise<void> {
    await using client = await H2Client.open(this.#port);
    while (!this.#isOver) {
      const problem = await this.#chat(client);
      if (problem === "") this.#good("chats");
      else this.#fail("chats", problem);
      await Bun.sleep(GAP_MS);
    }
  }

  async #chat(client: H2Client): Promise<string> {
    const stream = client.session.request({
      ":method": "POST",
      ":path": "/test.Chat/Talk",
      ":authority": `${CHAT_SERVICE}:${CHAT_PORT}`,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const heard: Buffer[] = [];
    let status = 0;
    let grpcStatus = "none";
    stream.on("error", () => undefined);
    stream.on("response", (headers) => {
      status = Number(headers[":status"]);
      if (headers["grpc-status"] !== undefined) grpcStatus = String(headers["grpc-status"]);
    });
    stream.on("trailers", (trailers) => {
      grpcStatus = String(trailers["grpc-status"]);
    });
    stream.on("data", (part: Buffer) => heard.push(part));
    const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
    const said: Buffer[] = [];
    for (let at = 0; at < CHAT_MESSAGES && !stream.closed && !this.#isOver; at++) {
      const message = grpcMessage(`message ${++this.#serial}`);
      said.push(message);
      stream.write(message);
      await Bun.sleep(CHAT_GAP_MS);
    }
    stream.end();
    await closed;
    if (status !== 200 || grpcStatus !== "0")
      return `status ${status}, grpc-status ${grpcStatus}, rst ${stream.rstCode}`;
    return Buffer.concat(heard).equals(Buffer.concat(said)) ? "" : "another's answer";
  }
}

/** The parts of a long answer. */
export function longAnswer(service: string, path: string): string[] {
  return Array.from({ length: LONG_PARTS }, (_, part) => `${service} ${path} ${part}\n`);
}

/** Opens a TCP stream by CONNECT; rejects where it is not granted. */
export async function openTcp(port: number): Promise<RawPeer> {
  const peer = await connectRaw({ port });
  peer.send(`CONNECT ${TCP_SERVICE}:${TCP_PORT} HTTP/1.1\r\nHost: ${TCP_SERVICE}:${TCP_PORT}\r\n\r\n`);
  const head = await peer.readThrough("\r\n\r\n");
  if (head.startsWith("HTTP/1.1 200 ")) return peer;
  peer.destroy();
  throw new Error(`CONNECT: ${head.slice(9, 12)}`);
}

/** Says something on a TCP stream; `""`, or what was wrong with what came back. */
export async function echoed(peer: RawPeer, text: string): Promise<string> {
  peer.send(text);
  const back = await peer.read(text.length);
  return back.toString("latin1") === text ? "" : "another's bytes";
}

function grpcMessage(text: string): Buffer {
  const message = Buffer.alloc(5 + text.length);
  message.writeUInt32BE(text.length, 1);
  message.write(text, 5, "latin1");
  return message;
}
