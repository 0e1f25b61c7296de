/** Options of both ends of a tunnel, in the forms that the runtime honours; `test/runtime` holds each of them. */
import { JOIN_ALPN } from "../../identity/join-protocol.ts";
import { nodeServerName } from "../../identity/node-names.ts";
import { TUNNEL_ALPN } from "../../identity/verify-peer.ts";
import type { HeldKeys } from "./keys.ts";

/** TLS 1.3 and nothing else. As a number: the runtime throws for a text, and ignores `secureProtocol`. */
const TLS_1_3 = 772;

/** No tickets: a resumed session would present no certificate. */
const SSL_OP_NO_TICKET = 0x4000;

const LINE = 64;

/** What `Bun.listen` and `Bun.connect` take; their declarations lack half of it. Its key is to be wiped once they have returned. */
export interface TunnelTlsOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca: readonly Buffer[];
  readonly requestCert: true;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: number;
  readonly ALPNProtocols: string;
  readonly secureOptions: number;
  readonly serverName?: string;
}

/** What the runtime's own verdict counts for. */
export interface RuntimeVerdict {
  /** The machine's clock is not believed: what the runtime says of certificates is left to our own judgement. */
  readonly isWallDoubted: boolean;
}

/** Options of the listener. With the door open whoever has no certificate gets in as far as our own judgement. */
export function listenerTls(
  keys: HeldKeys,
  roots: readonly Uint8Array[],
  { isDoorOpen, isWallDoubted }: RuntimeVerdict & { readonly isDoorOpen: boolean },
): TunnelTlsOptions {
  const protocols = isDoorOpen ? [TUNNEL_ALPN, JOIN_ALPN] : [TUNNEL_ALPN];
  const rejectUnauthorized = !isDoorOpen && !isWallDoubted;
  return { ...common(keys, roots), rejectUnauthorized, ALPNProtocols: protocols.map(onWire).join("") };
}

/** Options of a dial to exactly this node. */
export function dialerTls(
  keys: HeldKeys,
  roots: readonly Uint8Array[],
  trustDomain: string,
  node: string,
  { isWallDoubted }: RuntimeVerdict,
): TunnelTlsOptions {
  const serverName = nodeServerName(trustDomain, node);
  return { ...common(keys, roots), rejectUnauthorized: !isWallDoubted, serverName };
}

function common(keys: HeldKeys, roots: readonly Uint8Array[]): Omit<TunnelTlsOptions, "rejectUnauthorized"> {
  return {
    cert: Buffer.concat(keys.chain.map((der) => pemOf("CERTIFICATE", der))),
    key: pemOf("PRIVATE KEY", keys.key),
    ca: roots.map((der) => pemOf("CERTIFICATE", der)),
    requestCert: true,
    minVersion: TLS_1_3,
    ALPNProtocols: onWire(TUNNEL_ALPN),
    secureOptions: SSL_OP_NO_TICKET,
  };
}

/** ALPN as it stands in a hello (RFC 7301 3.1): the runtime negotiates nothing where it is given plain text. */
function onWire(protocol: string): string {
  return String.fromCharCode(protocol.length) + protocol;
}

/** As bytes and not as text, because a text cannot be wiped. */
function pemOf(label: string, der: Uint8Array): Buffer {
  const base64 = Buffer.alloc(Math.ceil(der.length / 3) * 4);
  encodeBase64(der, base64);
  const lines: Buffer[] = [Buffer.from(`-----BEGIN ${label}-----\n`)];
  for (let at = 0; at < base64.length; at += LINE) lines.push(base64.subarray(at, at + LINE), Buffer.from("\n"));
  lines.push(Buffer.from(`-----END ${label}-----\n`));
  const pem = Buffer.concat(lines);
  base64.fill(0);
  return pem;
}

const ALPHABET = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
const PADDING = 0x3d;

/** RFC 4648 4. By hand, because the runtime's encoder makes a text. */
function encodeBase64(bytes: Uint8Array, into: Uint8Array): void {
  let at = 0;
  for (let i = 0; i < bytes.length; i += 3) {
    const word = (bytes[i]! << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0);
    into[at++] = ALPHABET[word >> 18]!;
    into[at++] = ALPHABET[(word >> 12) & 63]!;
    into[at++] = i + 1 < bytes.length ? ALPHABET[(word >> 6) & 63]! : PADDING;
    into[at++] = i + 2 < bytes.length ? ALPHABET[word & 63]! : PADDING;
  }
}
