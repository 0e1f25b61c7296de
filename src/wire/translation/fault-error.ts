/** From what is wrong with a header list to the error that HTTP/1.1 has for it. */
import { FAULT } from "../hpack/field-traits.ts";
import { PARSE_ERROR } from "../http1/head.ts";

/** The PARSE_ERROR for a set of FAULT bits, 0 for none. */
export function faultError(faults: number): number {
  if (faults === 0) return 0;
  if ((faults & FAULT.NAME) !== 0) return PARSE_ERROR.BAD_HEADER_NAME;
  if ((faults & FAULT.VALUE) !== 0) return PARSE_ERROR.BAD_HEADER_VALUE;
  if ((faults & FAULT.CONNECTION) !== 0) return PARSE_ERROR.BAD_CONNECTION;
  if ((faults & (FAULT.UNDERSCORE | FAULT.DISGUISE)) !== 0) return PARSE_ERROR.UNDERSCORE_IN_NAME;
  return PARSE_ERROR.BAD_PSEUDO_HEADER;
}
