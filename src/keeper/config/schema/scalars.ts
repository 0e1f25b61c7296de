import { formatDuration, parseDuration } from "../../../base/duration.ts";
import { nearestName } from "../../../base/nearest-name.ts";
import type { DecodeCode } from "../../../model/error-codes.ts";
import type { ConfigNode } from "./config-node.ts";
import type { Reader } from "./reader.ts";
import { orList, quote } from "./reader.ts";
import type { Invalid, Schema } from "./schema.ts";
import { INVALID, wrongType } from "./schema.ts";
import type { NumberShape, TextShape } from "./shape.ts";

/** Longest text where nothing else is said. Reason: no field needs more, and messages and records stay small. */
export const TEXT_LENGTH_MAX = 4096;

/** Why a text is refused: a predicate that follows its value (`must start with "/"`), and what to do about it. */
export interface Problem {
  readonly message: string;
  readonly hint?: string;
  /** Where it is another one than that of the grammar. */
  readonly code?: DecodeCode;
}

export interface TextOptions {
  /** What the text is, as a noun with its article. */
  readonly what: string;
  /** Anchored. */
  readonly pattern?: RegExp;
  readonly lengthMin?: number;
  readonly lengthMax?: number;
  /** Code of a text that does not fit pattern or `problem`. */
  readonly code?: DecodeCode;
  readonly hint?: string;
  /** What a pattern cannot say; called after everything else was found right. */
  readonly problem?: (value: string) => Problem | undefined;
}

/** A text with a grammar. Numbers and booleans are refused, never converted: `1.10` would become `1.1`. */
export function text(options: TextOptions): Schema<string> & { readonly shape: TextShape } {
  const { what, pattern, lengthMin = 1, lengthMax = TEXT_LENGTH_MAX } = options;
  return {
    shape: { type: "text", what, lengthMin, lengthMax, ...(pattern === undefined ? {} : { pattern: pattern.source }) },
    read(node, reader) {
      if (node.type !== "scalar" || typeof node.value !== "string") return wrongType(node, reader, `text (${what})`);
      return checkText(node.value, options, node, reader) ? node.value : INVALID;
    },
    write: (value) => value,
  };
}

function checkText(value: string, options: TextOptions, node: ConfigNode, reader: Reader): boolean {
  const { what, pattern, lengthMin = 1, lengthMax = TEXT_LENGTH_MAX, code = "SV0303", hint } = options;
  if (value.length < lengthMin) {
    reader.report("SV0304", node, `is empty, expected ${what}`);
    return false;
  }
  if (value.length > lengthMax) {
    reader.report("SV0304", node, `has ${value.length} characters, at most ${lengthMax} are allowed`);
    return false;
  }
  if (pattern !== undefined && !pattern.test(value)) {
    reader.report(code, node, `${quote(value)} is not ${what}`, hint);
    return false;
  }
  const problem = options.problem?.(value);
  if (problem === undefined) return true;
  reader.report(problem.code ?? code, node, `${quote(value)} ${problem.message}`, problem.hint ?? hint);
  return false;
}

/** One of a closed set of words. `unsupported` are valid upstream and refused with the reason. */
export function oneOf<const T extends string>(
  values: readonly T[],
  unsupported: Readonly<Record<string, string>> = {},
): Schema<T> {
  return {
    shape: { type: "text", what: `one of ${values.join(", ")}`, values },
    read(node, reader) {
      if (node.type !== "scalar" || typeof node.value !== "string") {
        return wrongType(node, reader, `text (${orList(values)})`);
      }
      const { value } = node;
      const known = values.find((candidate) => candidate === value);
      return known ?? refuseWord(value, values, unsupported, node, reader);
    },
    write: (value) => value,
  };
}

function refuseWord(
  value: string,
  values: readonly string[],
  unsupported: Readonly<Record<string, string>>,
  node: ConfigNode,
  reader: Reader,
): Invalid {
  if (Object.hasOwn(unsupported, value)) {
    const hint = `${unsupported[value]}; supported: ${orList(values)}`;
    reader.report("SV0211", node, `${quote(value)} is not supported`, hint);
    return INVALID;
  }
  const near = nearestName(value, values);
  const hint = near === undefined ? undefined : `did you mean ${quote(near)}?`;
  reader.report("SV0301", node, `${quote(value)} is not ${orList(values)}`, hint);
  return INVALID;
}

/** A whole number in a range, both ends included. */
export function integer(minimum: number, maximum: number): Schema<number> {
  return numeric({ type: "integer", minimum, maximum });
}

/** One of a closed set of whole numbers, in ascending order. */
export function oneOfNumbers(values: readonly number[]): Schema<number> {
  const shape: NumberShape = { type: "integer", minimum: values[0]!, maximum: values[values.length - 1]!, values };
  const inRange = numeric(shape);
  return {
    ...inRange,
    read(node, reader) {
      const value = inRange.read(node, reader);
      if (value === INVALID || values.includes(value)) return value;
      reader.report("SV0301", node, `${value} is not ${orList(values.map(String))}`);
      return INVALID;
    },
  };
}

/** A number in a range, both ends included. */
export function decimal(minimum: number, maximum: number): Schema<number> {
  return numeric({ type: "number", minimum, maximum });
}

function numeric(shape: NumberShape): Schema<number> {
  const what = shape.type === "integer" ? "a whole number" : "a number";
  const range = `${shape.minimum} to ${shape.maximum}`;
  return {
    shape,
    read(node, reader) {
      if (node.type !== "scalar" || typeof node.value !== "number")
        return wrongType(node, reader, `${what} (${range})`);
      if (/^[-+]?0[0-9box]/.test(node.text)) {
        reader.report(
          "SV0318",
          node,
          `${node.text} is read as ${node.value} here and may mean another number elsewhere`,
        );
        return INVALID;
      }
      if (shape.type === "integer" && !Number.isInteger(node.value))
        return wrongType(node, reader, `${what} (${range})`);
      if (node.value >= shape.minimum && node.value <= shape.maximum) return node.value;
      reader.report("SV0302", node, `${node.text} is out of range, expected ${range}`);
      return INVALID;
    },
    write: (value) => value,
  };
}

/** `true` or `false`, unquoted. */
export const boolean: Schema<boolean> = {
  shape: { type: "boolean" },
  read(node, reader) {
    if (node.type === "scalar" && typeof node.value === "boolean") return node.value;
    return wrongType(node, reader, "true or false");
  },
  write: (value) => value,
};

/** A GEP-2257 duration; the value is in milliseconds, `0` where it is disabled. */
export const duration: Schema<number> = {
  shape: { type: "text", what: "a duration such as 1h30m, 10s or 500ms", pattern: "^([0-9]{1,5}(h|m|s|ms)){1,4}$" },
  read(node, reader) {
    const isText = node.type === "scalar" && typeof node.value === "string";
    if (!isText) return wrongType(node, reader, "a duration such as 10s");
    const durationMs = parseDuration(String(node.value));
    if (durationMs !== undefined) return durationMs;
    reader.report("SV0306", node, `${quote(String(node.value))} is not a duration such as 1h30m, 10s or 500ms`);
    return INVALID;
  },
  write: formatDuration,
};
