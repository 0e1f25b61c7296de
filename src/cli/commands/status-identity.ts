import type { CertificateRow } from "../../keeper/identity/describe-identity.ts";
import { colour } from "../output.ts";
import { tableLines } from "../table.ts";
import { secondsText } from "../units.ts";

/** What `status` tells of the certificates, as far as the text form uses it; all absent where this node reaches no other. */
export interface CertificateStatus {
  readonly trustDomain?: string;
  readonly holdsRoot?: boolean;
  readonly rootChange?: string;
  readonly certificates?: readonly CertificateRow[];
  readonly svids?: { readonly count: number; readonly valid: number; readonly firstEnd: string | null };
}

/** What ends when; nothing on a node alone. */
export function certificateLines(identity: CertificateStatus): string[] {
  const { trustDomain, holdsRoot, rootChange = "steady", certificates = [], svids } = identity;
  if (trustDomain === undefined || svids === undefined) return [];
  const columns = ["CERTIFICATE", "STATE", "UNTIL", "RENEWED AT"].map((title) => ({ title }));
  const rows = certificates.map(({ name, state, notAfter, renewAt = "-" }) => [
    name,
    state,
    secondsText(notAfter),
    secondsText(renewAt),
  ]);
  const isAllValid = svids.valid === svids.count;
  const svidState = svids.count === 0 ? "none" : isAllValid ? "valid" : `${svids.count - svids.valid} not valid`;
  rows.push([`${svids.count} SVIDs`, svidState, secondsText(svids.firstEnd ?? "-"), "half their lives"]);
  const notes = [
    trustDomain,
    ...(holdsRoot === true ? ["holds the site's root"] : []),
    ...(rootChange === "steady" ? [] : [`the root is being changed: ${rootChange}`]),
  ];
  return [
    notes.join("   "),
    ...tableLines(columns, rows, (cell, _row, column) => (column === 1 && cell !== "valid" ? colour.red(cell) : cell)),
  ];
}
