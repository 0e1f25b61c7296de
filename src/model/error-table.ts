import { AUTHORIZATION_CODES } from "./authz/issue-codes.ts";
import type { ErrorCodeEntry } from "./error-codes.ts";
import { DECODE_CODES } from "./error-codes.ts";
import { ROUTING_CODES } from "./route/issue-codes.ts";

/** One part of the table, with what its codes are about. */
export interface ErrorCodeGroup {
  readonly title: string;
  readonly codes: Readonly<Record<string, ErrorCodeEntry>>;
}

/** Every problem that configuration can have; `docs/errors.md` is printed from it. No code stands in two groups. */
export const ERROR_TABLE: readonly ErrorCodeGroup[] = [
  { title: "Reading and decoding", codes: DECODE_CODES },
  { title: "References, listeners and routes", codes: ROUTING_CODES },
  { title: "Authorization", codes: AUTHORIZATION_CODES },
];

/** The row of a code, or `undefined` where there is none. */
export function errorCodeEntry(code: string): ErrorCodeEntry | undefined {
  return ERROR_TABLE.map((group) => group.codes[code]).find((entry) => entry !== undefined);
}
