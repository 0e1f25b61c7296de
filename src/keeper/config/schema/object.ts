import { nearestName } from "../../../base/nearest-name.ts";
import type { FieldPath } from "../../../model/documents.ts";
import type { DecodeCode } from "../../../model/error-codes.ts";
import type { ConfigNode, MapEntry, MapNode, Plain } from "./config-node.ts";
import { entryOf, nodeAt } from "./config-node.ts";
import type { Reader } from "./reader.ts";
import { quote } from "./reader.ts";
import type { Invalid, Schema } from "./schema.ts";
import { INVALID, wrongType } from "./schema.ts";
import type { FieldShape, ObjectShape, Shape } from "./shape.ts";

/** One field of an object: how it is read, and what stands for it where it is absent. */
export interface Field<T> {
  readonly schema: Schema<T>;
  readonly shape: FieldShape;
  /** The value of an absent field; not called for a required one. */
  absent(): T;
  /** True for a field whose default is a value: it is not written where it has that value. */
  readonly omitsDefault: boolean;
}

/** A field that must be there. */
export function required<T>(schema: Schema<T>, doc: string): Field<T> {
  return {
    schema,
    shape: { doc, isRequired: true, shape: schema.shape },
    absent: () => {
      throw new Error("a required field has no default");
    },
    omitsDefault: false,
  };
}

/** A field that may be left out; `undefined` then. `shownDefault` says what that means, where it means something. */
export function optional<T>(schema: Schema<T>, doc: string, shownDefault?: Plain): Field<T | undefined> {
  const shape = { doc, isRequired: false, shape: schema.shape };
  return {
    schema: {
      shape: schema.shape,
      read: (node, reader) => schema.read(node, reader),
      write: (value) => (value === undefined ? null : schema.write(value)),
    },
    shape: shownDefault === undefined ? shape : { ...shape, shownDefault },
    absent: () => undefined,
    omitsDefault: false,
  };
}

/** A field with a default. */
export function withDefault<T>(schema: Schema<T>, doc: string, value: NoInfer<T>): Field<T> {
  return {
    schema,
    shape: { doc, isRequired: false, shownDefault: schema.write(value), shape: schema.shape },
    absent: () => value,
    omitsDefault: true,
  };
}

export type Fields = Readonly<Record<string, Field<unknown>>>;
export type ObjectOf<F extends Fields> = { readonly [K in keyof F]: F[K] extends Field<infer T> ? T : never };

/** Reports a broken rule at a field below the object (or the nearest written ancestor of it). */
export type ReportRule = (path: FieldPath, code: DecodeCode, message: string, hint?: string) => void;

/** A rule between fields: `says` is the sentence in the reference, `check` runs on values that are right one by one. */
export interface Rule<T> {
  readonly says: string;
  readonly check: (value: T, report: ReportRule, node: ConfigNode) => void;
}

export interface ObjectOptions<T> {
  readonly unsupported?: Readonly<Record<string, string>>;
  readonly tolerated?: readonly string[];
  readonly rules?: readonly Rule<T>[];
}

/** A mapping with declared fields. Unknown ones are errors, with the nearest known name. */
export function object<F extends Fields>(
  name: string,
  fields: F,
  options: ObjectOptions<ObjectOf<F>> = {},
): Schema<ObjectOf<F>> & { readonly shape: ObjectShape } {
  const rules = options.rules ?? [];
  const shape: ObjectShape = {
    type: "object",
    name,
    fields: Object.fromEntries(Object.entries(fields).map(([key, field]): [string, FieldShape] => [key, field.shape])),
    unsupported: options.unsupported ?? {},
    tolerated: options.tolerated ?? [],
    rules: rules.map((rule) => rule.says),
  };
  return {
    shape,
    read(node, reader) {
      if (node.type !== "map") return wrongType(node, reader, "a mapping");
      const areKeysKnown = checkKeys(node, shape, reader);
      const value = readFields(node, fields, reader);
      if (!areKeysKnown || value === INVALID) return INVALID;
      // Every field was read by its own schema, which is what the type says.
      return checkRules(value as ObjectOf<F>, rules, node, reader);
    },
    write: (value) => writeFields(value, fields),
  };
}

/** A schema with a rule that its own grammar cannot say. */
export function refined<T, S extends Shape>(schema: Schema<T> & { readonly shape: S }, rule: Rule<T>) {
  return {
    shape: schema.shape,
    read(node: ConfigNode, reader: Reader): T | Invalid {
      const value = schema.read(node, reader);
      return value === INVALID ? INVALID : checkRules(value, [rule], node, reader);
    },
    write: (value: T): Plain => schema.write(value),
  };
}

function checkKeys(node: MapNode, shape: ObjectShape, reader: Reader): boolean {
  let isKnown = true;
  for (const entry of node.entries) {
    if (Object.hasOwn(shape.fields, entry.key) || shape.tolerated.includes(entry.key)) continue;
    isKnown = false;
    reportKey(entry, shape, reader);
  }
  return isKnown;
}

function reportKey(entry: MapEntry, shape: ObjectShape, reader: Reader): void {
  const { key, keyPlace } = entry;
  if (Object.hasOwn(shape.unsupported, key)) {
    reader.report("SV0207", keyPlace, `field ${quote(key)} is not supported`, shape.unsupported[key]);
    return;
  }
  const names = Object.keys(shape.fields);
  const near = nearestName(key, names);
  const hint = near === undefined ? `known fields: ${names.join(", ")}` : `did you mean ${quote(near)}?`;
  reader.report("SV0206", keyPlace, `unknown field ${quote(key)}`, hint);
}

function readFields(node: MapNode, fields: Fields, reader: Reader): Record<string, unknown> | Invalid {
  const value: Record<string, unknown> = {};
  let isValid = true;
  for (const [key, field] of Object.entries(fields)) {
    const entry = entryOf(node, key);
    if (entry !== undefined) {
      value[key] = reader.within(key, () => field.schema.read(entry.value, reader));
      isValid &&= value[key] !== INVALID;
    } else if (field.shape.isRequired) {
      reader.report("SV0208", node, `field ${quote(key)} is missing`);
      isValid = false;
    } else {
      value[key] = field.absent();
    }
  }
  return isValid ? value : INVALID;
}

function checkRules<T>(value: T, rules: readonly Rule<T>[], node: ConfigNode, reader: Reader): T | Invalid {
  const errorsBefore = reader.errorCount;
  const report: ReportRule = (path, code, message, hint) => {
    reader.report(code, nodeAt(node, path), message, hint, path);
  };
  for (const rule of rules) rule.check(value, report, node);
  return reader.errorCount === errorsBefore ? value : INVALID;
}

function writeFields(value: Readonly<Record<string, unknown>>, fields: Fields): Plain {
  const pairs: [string, Plain][] = [];
  for (const [key, field] of Object.entries(fields)) {
    const item = value[key];
    if (item === undefined) continue;
    const written = field.schema.write(item);
    const isDefault = field.omitsDefault && JSON.stringify(written) === JSON.stringify(field.shape.shownDefault);
    if (!isDefault) pairs.push([key, written]);
  }
  return Object.fromEntries(pairs);
}
