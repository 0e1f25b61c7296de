import { afterAll, beforeAll, expect, test } from "bun:test";
import type { Socket } from "bun";
import { attempt, chainOf, exporterOf, listenTls, type TlsOptions } from "../../test/support/tls.ts";
import { nodeId } from "../model/spiffe-id.ts";
import { NO_BANS } from "./bans.ts";
import { makeBundle } from "./bundle.ts";
import { performIssue } from "./issue.ts";
import type { IssuedCertificate, IssueRequest } from "./issue-protocol.ts";
import { nodeServerName } from "./node-names.ts";
import { peerChain } from "./peer-chain.ts";
import { exporterLabel, makeProof, type ProofBinding, verifyProof } from "./proof.ts";
import { isRefusal } from "./refusal.ts";
import type { Trust } from "./verify.ts";
import { type PeerFacts, verifyPeer } from "./verify-peer.ts";

// What is issued must be believed by the runtime's own TLS too, and the facts of a real session must be those that are judged.

const TD = "store-042.fleet.example";
const nowMs = Date.now();

async function issued(request: IssueRequest): Promise<readonly IssuedCertificate[]> {
  const reply = await performIssue(request);
  if (reply.kind !== "issued") throw new Error(JSON.stringify(reply));
  return reply.issued;
}

const pem = (what: string, der: Uint8Array) =>
  `-----BEGIN ${what}-----\n${(der.toBase64().match(/.{1,64}/g) ?? []).join("\n")}\n-----END ${what}-----\n`;

interface Node {
  readonly name: string;
  readonly issuer: IssuedCertificate;
  readonly own: IssuedCertificate;
  readonly web: IssuedCertificate;
}

let root: IssuedCertificate;
let nodes: readonly [Node, Node];
let trust: Trust;

beforeAll(async () => {
  [root] = (await issued({ kind: "root", trustDomain: TD, nowMs })) as [IssuedCertificate];
  const make = async (name: string): Promise<Node> => {
    const [issuer] = await issued({ kind: "issuer", signer: root, node: name, nowMs });
    const ids = [`spiffe://${TD}/selvedge/node/${name}`, `spiffe://${TD}/ns/prod/sa/web`];
    const [own, web] = await issued({ kind: "svids", signer: issuer!, ids, nowMs });
    return { name, issuer: issuer!, own: own!, web: web! };
  };
  nodes = [await make("till-1"), await make("till-2")];
  const bundle = makeBundle(TD, 1, [root.certificate]);
  if (typeof bundle === "string") throw new Error(bundle);
  trust = { bundles: new Map([[TD, bundle]]), bans: NO_BANS, nowMs };
});

const SSL_OP_NO_TICKET = 0x4000;

const tlsOf = (node: Node, more: TlsOptions = {}): TlsOptions => ({
  cert: pem("CERTIFICATE", node.own.certificate) + pem("CERTIFICATE", node.issuer.certificate),
  key: pem("PRIVATE KEY", node.own.key),
  ca: pem("CERTIFICATE", root.certificate),
  requestCert: true,
  rejectUnauthorized: true,
  minVersion: 772,
  ALPNProtocols: "\x02h2",
  secureOptions: SSL_OP_NO_TICKET,
  ...more,
});

function factsOf(socket: Socket<undefined>): PeerFacts {
  const own = socket as unknown as { isSessionReused(): boolean; getTLSVersion(): string };
  return {
    isAuthorized: socket.authorized,
    alpn: socket.alpnProtocol === "h2" ? "h2" : "",
    protocol: own.getTLSVersion(),
    isResumed: own.isSessionReused(),
    chain: peerChain(chainOf(socket)),
  };
}

const opened: { stop(isClosing?: boolean): void }[] = [];
afterAll(() => {
  for (const listener of opened) listener.stop(true);
});

test("two nodes with issued certificates shake hands, recognise each other, and a workload proves itself on it", async () => {
  const [dialer, listener] = nodes;
  const seen: { listener?: PeerFacts; dialer?: PeerFacts; made?: Uint8Array; material?: Uint8Array } = {};
  const server = listenTls(tlsOf(listener), {
    handshake(socket) {
      seen.listener = factsOf(socket);
      seen.material = new Uint8Array(exporterOf(socket, exporterLabel("dialer"), new Uint8Array()));
    },
    data: (socket) => void socket.write("hello"),
  });
  opened.push(server);
  const binding = { sender: "dialer", senderNode: nodeId(TD, "till-1"), receiverNode: nodeId(TD, "till-2") } as const;
  const serverName = nodeServerName(TD, "till-2");
  const { heard, handshake } = await attempt(server.port, tlsOf(dialer, { serverName }), (socket) => {
    seen.dialer = factsOf(socket);
    const keyingMaterial = new Uint8Array(exporterOf(socket, exporterLabel("dialer"), new Uint8Array()));
    const bound: ProofBinding = { ...binding, keyingMaterial };
    seen.made = makeProof(bound, [dialer.web.certificate, dialer.issuer.certificate], dialer.web.key);
  });
  expect({ heard, handshake }).toEqual({ heard: "hello", handshake: { ok: true, error: null } });
  const isRegistered = (name: string) => name === "till-1" || name === "till-2";
  const judged = [
    verifyPeer(seen.dialer!, { trustDomain: TD, node: "till-2", isRegistered }, trust),
    verifyPeer(seen.listener!, { trustDomain: TD, isRegistered }, trust),
  ].map((answer) => (isRefusal(answer) ? answer.refused : answer.node));
  expect(judged).toEqual(["till-2", "till-1"]);
  const bound: ProofBinding = { ...binding, keyingMaterial: seen.material! };
  const proven = verifyProof(seen.made!, bound, trust, (_, node) => node === "till-1");
  expect(isRefusal(proven) ? proven.refused : proven.subject.kind).toBe("workload");
});

test("the runtime's own name check refuses another node than the one that was dialed", async () => {
  const [dialer, listener] = nodes;
  const server = listenTls(tlsOf(listener), { data: (socket) => void socket.write("hello") });
  opened.push(server);
  const { heard } = await attempt(server.port, tlsOf(dialer, { serverName: nodeServerName(TD, "till-3") }));
  expect(heard).toBe("");
});
