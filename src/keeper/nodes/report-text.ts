import { isNodeName } from "../../identity/node-names.ts";

/** Most characters of an address, of a reason and of what was claimed. Reason: the longest that a worker of ours says. */
export const REPORT_ADDRESS_LENGTH_MAX = 64;
export const REPORT_REASON_LENGTH_MAX = 64;
export const REPORT_DETAIL_LENGTH_MAX = 320;

/** What a worker says of another machine, and so anybody who has taken it over. */
export interface Report {
  readonly node: string;
  readonly address: string;
  readonly reason: string;
  readonly detail: string;
}

/** The same as it may be kept and written down: long lines would push all others out of the audit log. */
export function boundedReport<Given extends Partial<Report>>(report: Given): Given {
  const { node, address, reason, detail } = report;
  return {
    ...report,
    ...(node === undefined ? {} : { node: isNodeName(node) ? node : "" }),
    ...(address === undefined ? {} : { address: plain(address, REPORT_ADDRESS_LENGTH_MAX) }),
    ...(reason === undefined ? {} : { reason: plain(reason, REPORT_REASON_LENGTH_MAX) }),
    ...(detail === undefined ? {} : { detail: plain(detail, REPORT_DETAIL_LENGTH_MAX) }),
  };
}

function plain(text: string, lengthMax: number): string {
  return text.slice(0, lengthMax).replace(/[^\x20-\x7e]/g, "?");
}
