import { PEER_STATUS } from "../../wire/channel/frames.ts";
import { newestOf } from "../identity/issued-issuers.ts";
import type { SiteIdentity } from "../identity/site-identity.ts";
import type { IssuerDesk } from "./issuer-desk.ts";
import { joinHost } from "./join-host.ts";
import type { LateHost } from "./late-door.ts";
import { PEER_REFUSAL } from "./peer-message.ts";

/** What late renewal is judged and signed by. @param isNode whether the documents name a node. */
export function lateHost(site: SiteIdentity, desk: IssuerDesk, isNode: (name: string) => boolean): LateHost {
  const { trustDomain, nowMs, isBanned, trust } = joinHost(site, isNode);
  return {
    trustDomain,
    nowMs,
    isNode,
    isBanned,
    trust,
    holdsRoot: site.holdsRoot,
    // This node renews its own.
    newestIssuer: (node) => (node === site.node ? undefined : newestOf(site.issued, node)),
    sign: async (node, asked) => {
      const { status, bytes, detail } = await desk.issue(node, { ...asked, isLate: true });
      if (status === PEER_STATUS.OK) return { certificate: bytes };
      return { refused: detail, isBusy: status === PEER_REFUSAL.BUSY };
    },
  };
}
