import type { JoinRefusal } from "../../identity/join-protocol.ts";

/** Somebody at the door does not get what he asks for; the message is for the audit log. */
export class DoorRefused extends Error {
  override readonly name = "DoorRefused";
  readonly refusal: JoinRefusal;
  readonly isForced: boolean;

  /** @param isForced it counts against the address: somebody tried what nobody with a token or an issuer of ours does. */
  constructor(refusal: JoinRefusal, isForced = false, detail = "") {
    super(detail);
    this.refusal = refusal;
    this.isForced = isForced;
  }
}
