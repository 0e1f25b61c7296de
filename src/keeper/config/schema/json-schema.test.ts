import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { jsonSchema } from "./json-schema.ts";

type Json = { readonly [key: string]: unknown };

const schema = jsonSchema() as Json;
const definitions = schema["definitions"] as Readonly<Record<string, Json>>;

function isObject(value: unknown): value is Json {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** A judge of the keywords that the schema uses, written from draft-07; an unknown keyword fails the test. */
const KEYWORDS: Readonly<Record<string, (argument: never, value: unknown, all: Json) => boolean>> = {
  $schema: () => true,
  title: () => true,
  description: () => true,
  default: () => true,
  definitions: () => true,
  $ref: (name: string, value) => accepts(definitions[name.replace("#/definitions/", "")]!, value),
  anyOf: (options: Json[], value) => options.some((option) => accepts(option, value)),
  allOf: (options: Json[], value) => options.every((option) => accepts(option, value)),
  enum: (values: unknown[], value) => values.includes(value),
  const: (expected: unknown, value) => value === expected,
  type: (type: string, value) =>
    type === "object"
      ? isObject(value)
      : type === "array"
        ? Array.isArray(value)
        : type === "integer"
          ? Number.isInteger(value)
          : typeof value === type,
  required: (names: string[], value) => isObject(value) && names.every((name) => Object.hasOwn(value, name)),
  properties: (properties: Record<string, Json>, value) =>
    isObject(value) &&
    Object.entries(value).every(([key, item]) => !Object.hasOwn(properties, key) || accepts(properties[key]!, item)),
  additionalProperties: (rest: Json | false, value, all) => {
    const known = Object.keys((all["properties"] ?? {}) as Json);
    return Object.entries(value as Json).every(
      ([key, item]) => known.includes(key) || (rest !== false && accepts(rest, item)),
    );
  },
  propertyNames: (names: Json, value) => Object.keys(value as Json).every((key) => accepts(names, key)),
  maxProperties: (count: number, value) => Object.keys(value as Json).length <= count,
  items: (item: Json, value) => (value as unknown[]).every((one) => accepts(item, one)),
  minItems: (count: number, value) => (value as unknown[]).length >= count,
  maxItems: (count: number, value) => (value as unknown[]).length <= count,
  pattern: (pattern: string, value) => new RegExp(pattern).test(String(value)),
  minLength: (length: number, value) => String(value).length >= length,
  maxLength: (length: number, value) => String(value).length <= length,
  minimum: (minimum: number, value) => Number(value) >= minimum,
  maximum: (maximum: number, value) => Number(value) <= maximum,
};

function accepts(node: Json, value: unknown): boolean {
  return Object.entries(node).every(([keyword, argument]) => {
    const judge = KEYWORDS[keyword];
    if (judge === undefined) throw new Error(`unknown keyword ${keyword}`);
    return judge(argument as never, value, node);
  });
}

function valuesIn(name: string): unknown[] {
  const text = readFileSync(join(import.meta.dir, "../../../../test/golden/config", name), "utf8");
  return parseAllDocuments(text).flatMap((document) => {
    const value: unknown = document.toJS();
    return isObject(value) && value["kind"] === "List" ? (value["items"] as unknown[]) : [value];
  });
}

const names = readdirSync(join(import.meta.dir, "../../../../test/golden/config"));

for (const name of names.filter((file) => /^valid-.*\.yaml$/.test(file))) {
  test(`an editor accepts ${name}`, () => {
    for (const value of valuesIn(name)) expect([accepts(schema, value), value]).toEqual([true, value]);
  });
}

test("an editor refuses what a shape alone can refuse", () => {
  for (const name of [
    "document-unknown-fields",
    "site-words",
    "workload-ports",
    "route-backends",
    "short-unknown-fields",
  ]) {
    expect([name, valuesIn(`${name}.yaml`).every((value) => accepts(schema, value))]).toEqual([name, false]);
  }
});
