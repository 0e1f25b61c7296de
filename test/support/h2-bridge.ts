/**
 * Lets a caller that knows nothing of tunnels speak HTTP/2 to the tunnel's listener of a node: a real TLS connection of another
 * node for each of its own, a workload of that node proven on it, and the lines that name caller and endpoint put into requests.
 */
import { makeProof } from "../../src/identity/proof.ts";
import { nodeId } from "../../src/model/spiffe-id.ts";
import { CONTROL_AUTHORITY, CONTROL_LINE, PROOF_PATH, WORKLOAD_LINE } from "../../src/proxy/tunnel/control-request.ts";
import { dialerTls } from "../../src/proxy/tunnel/tls-options.ts";
import { keyingMaterialOf } from "../../src/proxy/tunnel/tls-session.ts";
import { TO_WORKER } from "../../src/wire/channel/frames.ts";
import { AnswerFrames, RequestFrames } from "./h2-bridge-frames.ts";
import { block, FLAG, FRAME, frame } from "./http2-frames.ts";
import { listenRaw, RawPeer, type RawServer } from "./raw-peer.ts";
import type { TunnelIdentities } from "./tunnel-identities.ts";

/** Between two dials where the node has no room for another handshake. */
const REDIAL_MS = 100;

interface KeysOf {
  readonly chain: readonly Uint8Array[];
  readonly key: Uint8Array;
}

/** Who is called, and as whom. */
export interface BridgeTarget {
  readonly identities: TunnelIdentities;
  /** Whose connections these are. */
  readonly node: string;
  /** Key of a workload of that node. */
  readonly workload: string;
  readonly there: { readonly node: string; readonly hostname: string; readonly port: number };
  /** Value of `x-selvedge-to`. */
  readonly pin: string;
}

interface Dialed {
  readonly peer: RawPeer;
  readonly keyingMaterial: Uint8Array;
}

/** Listens; dispose of it. */
export async function startBridge(target: BridgeTarget): Promise<RawServer> {
  const frames = await target.identities.keyFrames(target.node, [{ key: target.workload }]);
  const [own, workload] = frames.flatMap((one): KeysOf[] => (one.type === TO_WORKER.KEYS ? [one] : []));
  return listenRaw((caller) => bridge(target, own!, workload!, caller));
}

async function bridge(target: BridgeTarget, own: KeysOf, workload: KeysOf, caller: RawPeer): Promise<void> {
  const { peer, keyingMaterial } = await dialUntilUp(target, own);
  const requests = new RequestFrames();
  requests.lines = block([
    ["x-selvedge-as", "1"],
    ["x-selvedge-to", target.pin],
  ]);
  void passAnswers(peer, caller);
  let isProven = false;
  for (;;) {
    await caller.until(() => caller.received.length > 0 || caller.hasEnded || peer.hasEnded);
    if (caller.received.length === 0) break;
    for (const piece of requests.take(caller.received)) {
      peer.send(piece);
      if (isProven || requests.frames === 0) continue;
      isProven = true;
      peer.send(Uint8Array.from(proofFrames(target, workload, keyingMaterial)));
    }
    caller.received = Buffer.alloc(0);
  }
  peer.destroy();
}

async function passAnswers(peer: RawPeer, caller: RawPeer): Promise<void> {
  const answers = new AnswerFrames();
  for (;;) {
    await peer.until(() => peer.received.length > 0 || peer.hasEnded).catch(() => undefined);
    if (peer.received.length === 0) break;
    const { received } = peer;
    peer.received = Buffer.alloc(0);
    for (const piece of answers.take(received)) caller.send(piece);
  }
  caller.finish();
}

/** The proof, on stream 1. */
function proofFrames(
  { node, there, workload, identities }: BridgeTarget,
  keys: KeysOf,
  material: Uint8Array,
): number[] {
  const { trustDomain } = identities;
  const binding = {
    sender: "dialer",
    senderNode: nodeId(trustDomain, node),
    receiverNode: nodeId(trustDomain, there.node),
    keyingMaterial: material,
  } as const;
  const proof = makeProof(binding, keys.chain, keys.key);
  const head = block([
    [":method", "POST"],
    [":scheme", "https"],
    [":path", PROOF_PATH],
    [":authority", CONTROL_AUTHORITY],
    [CONTROL_LINE, "1"],
    [WORKLOAD_LINE, workload],
    ["content-length", String(proof.length)],
  ]);
  return [...frame(FRAME.HEADERS, FLAG.END_HEADERS, 1, head), ...frame(FRAME.DATA, FLAG.END_STREAM, 1, [...proof])];
}

async function dialUntilUp(target: BridgeTarget, own: KeysOf): Promise<Dialed> {
  for (;;) {
    const dialed = await dialOnce(target, own);
    if (dialed !== null) return dialed;
    await Bun.sleep(REDIAL_MS);
  }
}

/** `null` where the connection was closed before its handshake was over. */
function dialOnce({ identities, there }: BridgeTarget, own: KeysOf): Promise<Dialed | null> {
  const { promise, resolve } = Promise.withResolvers<Dialed | null>();
  const roots = [identities.root.certificate];
  const held = { ...own, notAfterMs: Number.POSITIVE_INFINITY };
  const tls = dialerTls(held, roots, identities.trustDomain, there.node, { isWallDoubted: false });
  const data = new RawPeer();
  Bun.connect<RawPeer>({
    hostname: there.hostname,
    port: there.port,
    data,
    tls: tls as never,
    socket: {
      open: (socket) => data.attach(socket),
      handshake: (socket, isDone) => {
        const keyingMaterial = isDone ? keyingMaterialOf(socket as never, "dialer") : undefined;
        resolve(keyingMaterial === undefined ? null : { peer: data, keyingMaterial });
      },
      data: (_socket, bytes) => data.take(bytes),
      drain: () => data.flush(),
      end: () => data.end(),
      close: () => {
        data.close();
        resolve(null);
      },
      error: () => data.close(),
    },
  }).catch(() => resolve(null));
  return promise;
}
