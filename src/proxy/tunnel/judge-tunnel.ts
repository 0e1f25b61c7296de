import { isRefusal } from "../../identity/refusal.ts";
import { verifyPeer } from "../../identity/verify-peer.ts";
import { claimedName } from "./claimed-name.ts";
import { keep } from "./still-holds.ts";
import type { TlsConnection } from "./tls-connection.ts";
import { keyingMaterialOf, peerFactsOf } from "./tls-session.ts";
import type { TunnelHost } from "./tunnel-host.ts";
import { type TunnelSession, tunnelSession } from "./tunnel-session.ts";

/** What the runtime says of certificates whose time it is not by the machine's clock. */
const TIME_WORDS: ReadonlySet<string> = new Set(["CERT_HAS_EXPIRED", "CERT_NOT_YET_VALID"]);

/**
 * Judges the node at the other end, within the handshake callback. Answers the session, or a stable word for why not, which was
 * reported. @param node the node that was dialed; `undefined`: it dialed us. @param isDone what the runtime says.
 */
export function judgeTunnel(
  host: TunnelHost,
  connection: TlsConnection,
  node: string | undefined,
  isDone: boolean,
  runtimeError: string,
): TunnelSession | string {
  const { documents, trust } = host;
  const { trustDomain } = documents;
  if (connection.socket === null) return "closed";
  const told = peerFactsOf(connection.socket as never);
  const isAuthorized = isDone && told.isAuthorized;
  // Our own judgement of the whole chain, by the judged time, is what is left then.
  const isOnlyTime = trust.isWallDoubted && TIME_WORDS.has(runtimeError);
  const facts = { ...told, isAuthorized: isAuthorized || isOnlyTime };
  // Gone in the middle of it, as scanners and health checks are: nobody claimed anything.
  if (!isDone && facts.chain.length === 0 && runtimeError === "ECONNRESET") return "connection_lost";
  const expected = { trustDomain, isRegistered: documents.isRegistered, ...(node === undefined ? {} : { node }) };
  const current = trust.trust;
  const judged = verifyPeer(facts, expected, current);
  if (isRefusal(judged)) {
    // The runtime's no comes first, but ours says more.
    const isRuntimes = judged.refused === "not_authorized" && facts.chain.length > 0;
    const ours = isRuntimes ? verifyPeer({ ...facts, isAuthorized: true }, expected, current) : judged;
    const { at, refused } = isRefusal(ours) ? ours : judged;
    const claim = claimedName(facts.chain);
    const detail = `${at}${runtimeError === "" ? "" : `, ${runtimeError}`}: ${claim}`;
    host.reports.report({ node: node ?? "", address: connection.address, reason: refused, detail });
    return refused;
  }
  const keyingMaterial = keyingMaterialOf(connection.socket as never, "dialer");
  if (keyingMaterial === undefined) return "no_keying_material";
  const ends =
    node === undefined ? { dialer: judged.node, listener: documents.node } : { dialer: documents.node, listener: node };
  const about = { connection, node: judged.node, own: connection.own, ...keep(judged.verified) };
  return tunnelSession(about, { trustDomain, ...ends }, keyingMaterial, current.nowMs);
}
