import type { IssueProgram } from "../ca/issue-child.ts";
import type { SiteFacts } from "../site-facts.ts";
import type { NodeAudit, NodeEvent } from "./node-event.ts";
import type { PeerWorker } from "./peer-calls.ts";

/** What the keeper's part for other nodes needs of the rest of the keeper. */
export interface NodesHost {
  readonly statePath: string;
  /** What calls the root's node for a node whose issuer has ended; absent: nobody does. */
  readonly lateProgram: IssueProgram | undefined;
  readonly workers: () => readonly PeerWorker[];
  readonly facts: () => SiteFacts;
  readonly emit: (event: NodeEvent) => void;
  /** Writes a line into the audit log, and tells it as an event. */
  readonly tell: (audit: NodeAudit) => void;
  /** Counts one more at the join door. */
  readonly countJoin: (isAdmitted: boolean) => void;
  /** Counts one more machine that was not believed. */
  readonly countRefused: () => void;
  /** Counts one more ban that found no room. */
  readonly countBansFull: () => void;
  /** Notes trouble with a file, or forgets it. */
  readonly note: (what: string, reason: string | undefined) => void;
}

/** What was asked cannot be done; what to do about it is in `hint`. Both are for people. */
export class NodesError extends Error {
  override readonly name = "NodesError";
  readonly hint: string;

  constructor(message: string, hint = "") {
    super(message);
    this.hint = hint;
  }
}
