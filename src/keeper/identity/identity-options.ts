import type { ClockReading } from "../../identity/clock.ts";
import type { IssueProgram } from "../ca/issue-child.ts";

/** What a keeper needs to have an identity. */
export interface IdentityOptions {
  readonly issueProgram: IssueProgram;
  /** With the path of `found-main.ts`. */
  readonly foundProgram: IssueProgram;
  /** With the path of `late-call-main.ts`; absent: an issuer that has ended is not renewed by itself. */
  readonly lateProgram?: IssueProgram;
  /** For the place of the key-encryption key; see `kekPlace`. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Both clocks of the machine; absent: the real ones. */
  readonly clocks?: () => ClockReading;
}

/** Everything about an identity that a keeper tells; `detail` is for people. */
export interface IdentityEvent {
  readonly event: "identity";
  readonly what:
    | "founded"
    | "put_aside"
    | "issuer_renewed"
    | "svids_renewed"
    | "trust_changed"
    | "root_rotation"
    | "clock_followed"
    | "failed";
  readonly detail: string;
}
