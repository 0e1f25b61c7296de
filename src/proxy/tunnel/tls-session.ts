/** What the runtime's TLS sockets tell about their session; its type declarations leave half of it out. */
import type { Socket } from "bun";
import { type LinkedCertificate, peerChain } from "../../identity/peer-chain.ts";
import { exporterLabel, KEYING_MATERIAL_BYTES, type TunnelRole } from "../../identity/proof.ts";
import type { PeerFacts } from "../../identity/verify-peer.ts";

interface TlsMethods {
  readonly authorized?: unknown;
  readonly alpnProtocol?: unknown;
  isSessionReused?: () => unknown;
  getTLSVersion?: () => unknown;
  getPeerCertificate?: (isAbbreviated: boolean) => LinkedCertificate | undefined;
  exportKeyingMaterial?: (length: number, label: string, context: Uint8Array) => Uint8Array;
}

const NO_CONTEXT = new Uint8Array(0);

function methodsOf(socket: Socket<never>): TlsMethods {
  return socket as unknown as TlsMethods;
}

/** The protocol that was agreed on, `""` = none. */
export function alpnOf(socket: Socket<never>): string {
  const { alpnProtocol } = methodsOf(socket);
  return typeof alpnProtocol === "string" ? alpnProtocol : "";
}

/** The facts to judge the other end by, copied. Call within `handshake`. What the runtime does not tell is told as what is refused. */
export function peerFactsOf(socket: Socket<never>): PeerFacts {
  const methods = methodsOf(socket);
  const protocol = methods.getTLSVersion?.();
  return {
    isAuthorized: methods.authorized === true,
    alpn: alpnOf(socket),
    protocol: typeof protocol === "string" ? protocol : "",
    isResumed: methods.isSessionReused?.() !== false,
    chain: chainOf(methods).map((der) => Uint8Array.from(der)),
  };
}

function chainOf(methods: TlsMethods): Uint8Array[] {
  try {
    return peerChain(methods.getPeerCertificate?.(false));
  } catch {
    return [];
  }
}

/** Material that only the two ends of this session know, for proofs of `sender`; `undefined` where the runtime gives none. */
export function keyingMaterialOf(socket: Socket<never>, sender: TunnelRole): Uint8Array | undefined {
  return exportedMaterial(socket, exporterLabel(sender), KEYING_MATERIAL_BYTES);
}

/** The same under any label, with an empty context (RFC 8446 7.5). */
export function exportedMaterial(socket: Socket<never>, label: string, length: number): Uint8Array | undefined {
  try {
    const material = methodsOf(socket).exportKeyingMaterial?.(length, label, NO_CONTEXT);
    return material?.length === length ? Uint8Array.from(material) : undefined;
  } catch {
    return undefined;
  }
}
