/** What happened with other nodes, for the event log; `detail` is for people. */
export interface NodeEvent {
  readonly event: "node";
  readonly what:
    | "invited"
    | "joined"
    | "join_refused"
    | "late_renewed"
    | "late_refused"
    | "late_forgotten"
    | "connected"
    | "disconnected"
    | "refused"
    | "banned"
    | "unbanned"
    | "trust_adopted"
    | "trust_refused"
    | "sync_refused"
    | "issuer_signed"
    | "issuer_refused";
  /** `""` where it is not known. */
  readonly node: string;
  readonly address: string;
  readonly detail: string;
}

/** The same for the audit log, with whatever is known besides. */
export type NodeAudit = Omit<NodeEvent, "event"> & Readonly<Record<string, unknown>>;
