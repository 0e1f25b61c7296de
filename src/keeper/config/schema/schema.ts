/**
 * A schema is one declaration that gives everything: it reads a tree into a typed value (and reports every problem), writes
 * the value back, and describes itself for the reference and for editors.
 */
import type { ConfigNode, Plain } from "./config-node.ts";
import type { Reader } from "./reader.ts";
import { quote } from "./reader.ts";
import type { Shape } from "./shape.ts";

/** What reading answers where at least one error was reported; a value of its own, because `undefined` is a valid one. */
export const INVALID: unique symbol = Symbol("invalid");
export type Invalid = typeof INVALID;

export interface Schema<T> {
  readonly shape: Shape;
  /** Reports every problem to the reader; `INVALID` exactly when one of them is an error. */
  read(node: ConfigNode, reader: Reader): T | Invalid;
  /** What one would write for a value; `read` of it gives the same value again. */
  write(value: T): Plain;
}

/** Reports that a node has the wrong type, with the advice to quote where that is the cure. */
export function wrongType(node: ConfigNode, reader: Reader, expected: string): Invalid {
  if (node.type === "scalar" && node.value === null) {
    reader.report("SV0209", node, `has no value, expected ${expected}`);
    return INVALID;
  }
  const isScalarForText = node.type === "scalar" && typeof node.value !== "string" && expected.startsWith("text");
  const hint = isScalarForText ? `quote it: ${JSON.stringify(node.text)}` : undefined;
  reader.report("SV0210", node, `expected ${expected}, found ${describe(node)}`, hint);
  return INVALID;
}

/** A node as messages show it. */
export function describe(node: ConfigNode): string {
  if (node.type === "map") return "a mapping";
  if (node.type === "list") return "a list";
  if (typeof node.value === "string") return `the text ${quote(node.value)}`;
  if (typeof node.value === "number") return `the number ${node.text}`;
  return node.value === null ? "nothing" : `the boolean ${node.text}`;
}

/** A schema whose values have another form in the model than in the file. `toModel` must be total. */
export function mapped<From, To>(
  schema: Schema<From>,
  toModel: (value: From) => To,
  toFile: (value: To) => From,
): Schema<To> {
  return {
    shape: schema.shape,
    read(node, reader) {
      const value = schema.read(node, reader);
      return value === INVALID ? INVALID : toModel(value);
    },
    write: (value) => schema.write(toFile(value)),
  };
}
