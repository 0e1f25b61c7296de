import type { LogFile } from "../observe/log-file.ts";
import type { StateDirectory } from "../state/state-directory.ts";
import type { IdentityEvent } from "./identity-options.ts";

/** What of a keeper this needs; read when something is told, so that it may be under construction. */
export interface IdentityTold {
  readonly options: { readonly emit: (event: IdentityEvent) => void };
  readonly auditLog: LogFile;
  readonly state: StateDirectory;
}

/** What somebody may ask about a year later: who was believed from when on. Renewals come twice a day, and say nothing. */
const AUDITED: ReadonlySet<IdentityEvent["what"]> = new Set(["founded", "put_aside", "trust_changed", "root_rotation"]);

/** Tells an event, and writes down what is worth keeping. */
export function tellIdentity(keeper: IdentityTold, event: IdentityEvent): void {
  keeper.options.emit(event);
  if (AUDITED.has(event.what)) auditIdentity(keeper, `identity-${event.what.replaceAll("_", "-")}`, event.detail);
}

/** A line in the audit log; a disk that does not take it is noted. */
export function auditIdentity({ auditLog, state }: Omit<IdentityTold, "options">, op: string, detail: string): void {
  try {
    auditLog.append(`${JSON.stringify({ time: new Date().toISOString(), op, detail })}\n`);
    state.forgive("audit log");
  } catch (error) {
    state.note("audit log", error instanceof Error ? error.message : String(error));
  }
}
