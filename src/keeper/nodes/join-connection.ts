import type { Socket } from "bun";
import {
  frameJoinMessage,
  JOIN_ALPN,
  JOIN_ANSWER_BYTES_MAX,
  JOIN_EXPORTER_LABEL,
  JOIN_HEAD_BYTES,
  JOIN_KEYING_BYTES,
  JOIN_KIND,
  type JoinKind,
  readJoinHead,
} from "../../identity/join-protocol.ts";
import { nodeServerName } from "../../identity/node-names.ts";
import { type LinkedCertificate, peerChain } from "../../identity/peer-chain.ts";
import type { PeerFacts } from "../../identity/verify-peer.ts";

/** Longest from the first byte to the answer. Reason: the other side gives a connection as long. */
export const JOIN_TIMEOUT_MS = 10_000;

/** Nothing came of a connection, and another one may do better. The message is for people. */
export class JoinConnectionError extends Error {
  override readonly name = "JoinConnectionError";
}

/** Where to call, and what is said there. */
export interface JoinCall {
  /** `host:port`; IPv6 in brackets. */
  readonly address: string;
  readonly trustDomain: string;
  readonly rootNode: string;
  /** Judges who answers, before anything is said; throws to end it. */
  judge(facts: Omit<PeerFacts, "isAuthorized">): void;
  /** What is asked; absent: to be let in by a token. */
  readonly kind?: JoinKind;
  /** What is asked in a session with this keying material. A rejection ends it. */
  request(keyingMaterial: Uint8Array): Uint8Array | Promise<Uint8Array>;
}

/** An answer: `JOIN_STATUS`, and what goes with it. */
export interface JoinReplyBytes {
  readonly status: number;
  readonly bytes: Uint8Array;
}

/** What the runtime's sockets can, and their declarations leave out. */
interface TlsSocket {
  getPeerCertificate(abbreviated: boolean): LinkedCertificate | undefined;
  getTLSVersion(): string;
  isSessionReused(): boolean;
  exportKeyingMaterial(length: number, label: string, context: Uint8Array): Uint8Array;
}

/** Asks once, in a connection of its own. Rejects with what `judge` throws, or with JoinConnectionError. */
export async function callJoinDoor(call: JoinCall): Promise<JoinReplyBytes> {
  const { hostname, port } = splitAddress(call.address);
  const { promise, resolve, reject } = Promise.withResolvers<JoinReplyBytes>();
  const reader = new ReplyReader();
  const lost = (reason: string): void => reject(new JoinConnectionError(`${call.address}: ${reason}`));
  const timer = setTimeout(() => lost("no answer in time"), JOIN_TIMEOUT_MS);
  let opened: Socket<undefined> | undefined;
  try {
    const connecting = Bun.connect<undefined>({
      hostname,
      port,
      // Whom to believe is in the token, not in the runtime's store; see `judgeInviter`.
      tls: {
        rejectUnauthorized: false,
        minVersion: 772,
        serverName: nodeServerName(call.trustDomain, call.rootNode),
        ALPNProtocols: String.fromCharCode(JOIN_ALPN.length) + JOIN_ALPN,
      } as never,
      socket: {
        handshake: (socket, isOk) => {
          if (isOk) ask(socket, call).catch(reject);
          else lost("the TLS handshake failed");
        },
        data: (_socket, chunk) => {
          const reply = reader.receive(chunk);
          if (reply === "too long") lost("an answer without end");
          else if (reply !== undefined) resolve(reply);
        },
        close: () => lost("the connection ended without an answer"),
        error: (_socket, error) => lost(error.message),
        connectError: (_socket, error) => lost(error.message),
      },
    });
    connecting.then(
      (socket) => {
        opened = socket;
      },
      (error: unknown) => lost(error instanceof Error ? error.message : String(error)),
    );
    return await promise;
  } finally {
    clearTimeout(timer);
    opened?.terminate();
  }
}

async function ask(socket: Socket<undefined>, call: JoinCall): Promise<void> {
  const tls = socket as unknown as TlsSocket;
  call.judge({
    alpn: socket.alpnProtocol === JOIN_ALPN ? JOIN_ALPN : "",
    protocol: tls.getTLSVersion(),
    isResumed: tls.isSessionReused(),
    chain: peerChain(tls.getPeerCertificate(false)),
  });
  const material = new Uint8Array(tls.exportKeyingMaterial(JOIN_KEYING_BYTES, JOIN_EXPORTER_LABEL, new Uint8Array()));
  const framed = frameJoinMessage(call.kind ?? JOIN_KIND.JOIN, await call.request(material));
  // A first kilobyte always fits into an empty socket; where it does not, something else is wrong.
  if (socket.write(framed) !== framed.length)
    throw new JoinConnectionError(`${call.address}: the request was not taken`);
}

class ReplyReader {
  #bytes = new Uint8Array(0);

  receive(chunk: Uint8Array): JoinReplyBytes | "too long" | undefined {
    this.#bytes = new Uint8Array(Buffer.concat([this.#bytes, chunk]));
    const head = readJoinHead(this.#bytes);
    if (head === undefined) return undefined;
    const end = JOIN_HEAD_BYTES + head.length;
    if (head.length > JOIN_ANSWER_BYTES_MAX || this.#bytes.length > end) return "too long";
    return this.#bytes.length === end ? { status: head.word, bytes: this.#bytes.slice(JOIN_HEAD_BYTES) } : undefined;
  }
}

/** Host and port of `host:port`. Throws JoinConnectionError where it is none. */
export function splitAddress(address: string): { readonly hostname: string; readonly port: number } {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(address);
  const port = Number(found?.[3]);
  if (found === null || port < 1 || port > 65_535) throw new JoinConnectionError(`${address} is no address`);
  return { hostname: found[1] ?? found[2] ?? "", port };
}
