import type { FieldPath } from "../../../../model/documents.ts";
import type { DecodeCode } from "../../../../model/error-codes.ts";
import type { ReportRule } from "../object.ts";
import { quote } from "../reader.ts";

/**
 * Reports every entry of a list whose key an earlier one has. Entries with key `undefined` are not compared.
 * `field` is what the message calls the key, and the field that it points at.
 */
export function reportRepeats<T>(
  items: readonly T[],
  keyOf: (item: T) => string | undefined,
  path: FieldPath,
  field: string,
  report: ReportRule,
  code: DecodeCode = "SV0403",
): void {
  const firstIndex = new Map<string, number>();
  items.forEach((item, index) => {
    const key = keyOf(item);
    if (key === undefined) return;
    const first = firstIndex.get(key);
    if (first === undefined) firstIndex.set(key, index);
    else report([...path, index, field], code, `${field} ${quote(key)} stands in entry ${first} already`);
  });
}
