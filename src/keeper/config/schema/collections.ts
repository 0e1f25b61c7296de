import type { ConfigNode, Plain } from "./config-node.ts";
import type { Reader } from "./reader.ts";
import type { Schema } from "./schema.ts";
import { INVALID, wrongType } from "./schema.ts";
import type { TextShape } from "./shape.ts";

/** Most items of a list or mapping where no other bound is known. Reason: far above any real use, far below trouble. */
export const ITEMS_MAX = 1024;

export interface ListBounds {
  readonly itemsMin?: number;
  readonly itemsMax?: number;
}

/** A list; every item is read, so that every problem is reported. */
export function list<T>(items: Schema<T>, bounds: ListBounds = {}): Schema<readonly T[]> {
  const { itemsMin = 0, itemsMax = ITEMS_MAX } = bounds;
  return {
    shape: { type: "list", items: items.shape, itemsMin, itemsMax },
    read(node, reader) {
      if (node.type !== "list") return wrongType(node, reader, "a list");
      const isCountRight = checkCount(node.items.length, itemsMin, itemsMax, node, reader);
      // A list beyond its bound is not looked into: the work must stay bounded too.
      if (node.items.length > itemsMax) return INVALID;
      const values: T[] = [];
      node.items.forEach((item, index) => {
        const value = reader.within(index, () => items.read(item, reader));
        if (value !== INVALID) values.push(value);
      });
      return isCountRight && values.length === node.items.length ? values : INVALID;
    },
    write: (values) => values.map((value) => items.write(value)),
  };
}

/** A mapping from names that the author chooses. */
export function map<T>(
  keys: Schema<string> & { readonly shape: TextShape },
  values: Schema<T>,
  itemsMax: number = ITEMS_MAX,
  itemsMin = 0,
): Schema<Readonly<Record<string, T>>> {
  return {
    shape: { type: "map", keys: keys.shape, values: values.shape, itemsMax },
    read(node, reader) {
      if (node.type !== "map") return wrongType(node, reader, "a mapping");
      const isCountRight = checkCount(node.entries.length, itemsMin, itemsMax, node, reader);
      if (node.entries.length > itemsMax) return INVALID;
      const pairs: [string, T][] = [];
      for (const { key, keyPlace, value } of node.entries) {
        const keyNode: ConfigNode = { type: "scalar", value: key, text: key, ...keyPlace };
        const readKey = keys.read(keyNode, reader);
        const readValue = reader.within(key, () => values.read(value, reader));
        if (readKey !== INVALID && readValue !== INVALID) pairs.push([readKey, readValue]);
      }
      // `fromEntries` defines properties, so that a key `__proto__` is a key like any other.
      return isCountRight && pairs.length === node.entries.length ? Object.fromEntries(pairs) : INVALID;
    },
    write: (record) =>
      Object.fromEntries(Object.entries(record).map(([key, value]): [string, Plain] => [key, values.write(value)])),
  };
}

function checkCount(count: number, minimum: number, maximum: number, node: ConfigNode, reader: Reader): boolean {
  if (count >= minimum && count <= maximum) return true;
  const range =
    minimum === maximum ? `exactly ${minimum}` : count < minimum ? `at least ${minimum}` : `at most ${maximum}`;
  reader.report("SV0305", node, `has ${count} items, expected ${range}`);
  return false;
}

export interface ChoiceOption<T> {
  readonly accepts: (node: ConfigNode) => boolean;
  readonly schema: Schema<T>;
  /** Whether a value of the model is written by this option. */
  readonly writes: (value: T) => boolean;
}

/** One of several forms, told apart by the type of the node alone. `expected` names them all. */
export function choice<T>(options: readonly ChoiceOption<T>[], expected: string): Schema<T> {
  return {
    shape: { type: "choice", options: options.map((option) => option.schema.shape) },
    read(node, reader) {
      const option = options.find((candidate) => candidate.accepts(node));
      return option === undefined ? wrongType(node, reader, expected) : option.schema.read(node, reader);
    },
    write(value) {
      const option = options.find((candidate) => candidate.writes(value)) ?? options[options.length - 1];
      return option?.schema.write(value) ?? null;
    },
  };
}

/** Whether a node is a text, number or boolean; for `choice`. */
export function isScalarOf(type: "string" | "number"): (node: ConfigNode) => boolean {
  return (node) => node.type === "scalar" && typeof node.value === type;
}
