import type { IdentityStrength } from "../model/request-facts.ts";
import { RESPONSE_FLAGS } from "../model/response-flags.ts";
import { RECORD_PROTOCOLS, type RecordPeer, VERDICTS } from "../telemetry/access-record.ts";
import { STRENGTHS } from "../wire/channel/frames.ts";
import type { WhyRecord } from "./why.ts";

/** A line of the access log, read back. */
export type LogEntry = Readonly<Record<string, string | number | null>>;

/** What `why` needs of a line of the access log; words that this version does not know count as the plainest one. */
export function recordOfEntry(entry: LogEntry): WhyRecord {
  const text = (key: string): string => (typeof entry[key] === "string" ? entry[key] : "");
  const number = (key: string, otherwise: number): number => (typeof entry[key] === "number" ? entry[key] : otherwise);
  return {
    id: text("selvedge_id"),
    generation: number("generation", 0),
    status: number("response_code", 0),
    flag: oneOf(RESPONSE_FLAGS, text("response_flags"), "-"),
    protocol: oneOf(RECORD_PROTOCOLS, text("protocol"), "HTTP/1.1"),
    verdict: oneOf(VERDICTS, text("authz_verdict"), "undecided"),
    strength: oneOf<IdentityStrength>(STRENGTHS, text("identity_strength"), "none"),
    policy: text("authz_policy"),
    rule: number("authz_rule", -1),
    method: text("method"),
    path: text("path"),
    host: text("authority"),
    ip: text("downstream_remote_address"),
    // The log names this node too; here a name means that another one asked.
    source: {
      ...peerOf(text("src_workload"), text("src_identity")),
      node: text("reporter") === "destination" ? text("src_node") : "",
    },
    destination: { ...peerOf(text("dst_workload"), text("dst_identity")), node: text("dst_node") },
    service: text("dst_service"),
    route: text("route_name"),
    upstream: text("upstream_host"),
  };
}

function oneOf<Word extends string>(words: readonly Word[], text: string, otherwise: Word): Word {
  return words.find((word) => word === text) ?? otherwise;
}

function peerOf(name: string, principal: string): RecordPeer {
  const slash = name.indexOf("/");
  const namespace = slash < 0 ? "" : name.slice(0, slash);
  return { workload: name.slice(slash + 1), namespace, principal, app: "", version: "" };
}
