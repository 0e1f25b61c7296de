/** The JSON Schema (draft-07, which editors know best) of all documents and the short form. */
import type { Plain } from "./config-node.ts";
import type { KindDeclaration } from "./kind.ts";
import { KINDS } from "./kinds.ts";
import type { FieldShape, NumberShape, ObjectShape, Shape, TextShape } from "./shape.ts";
import { shortForm } from "./short-form.ts";

type Fields = Readonly<Record<string, Plain>>;

/** The whole schema as a plain value. A document is one of the kinds, or a short form. */
export function jsonSchema(): Plain {
  const definitions: Record<string, Plain> = {};
  const kinds = KINDS.map((declaration) => documentSchema(declaration, definitions));
  return {
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "Selvedge configuration",
    anyOf: [...kinds, objectReference(shortForm.shape, definitions)],
    definitions,
  };
}

function documentSchema(declaration: KindDeclaration, definitions: Record<string, Plain>): Plain {
  const { kind, apiVersions, doc, isSpecRequired } = declaration;
  return {
    description: doc,
    type: "object",
    required: ["apiVersion", "kind", "metadata", ...(isSpecRequired ? ["spec"] : [])],
    properties: {
      apiVersion: { enum: apiVersions },
      kind: { const: kind },
      metadata: objectReference(declaration.metadata.shape, definitions),
      spec: objectReference(declaration.spec, definitions),
      status: {},
    },
    additionalProperties: false,
  };
}

function objectReference(shape: ObjectShape, definitions: Record<string, Plain>): Plain {
  if (!Object.hasOwn(definitions, shape.name)) {
    // Entered before its fields are looked at, so that an object inside of itself would end.
    definitions[shape.name] = {};
    definitions[shape.name] = objectSchema(shape, definitions);
  }
  return { $ref: `#/definitions/${shape.name}` };
}

function objectSchema(shape: ObjectShape, definitions: Record<string, Plain>): Plain {
  const fields = Object.entries(shape.fields);
  const properties = fields.map(([name, field]): [string, Plain] => [name, fieldSchema(field, definitions)]);
  const tolerated = shape.tolerated.map((name): [string, Plain] => [name, {}]);
  const required = fields.filter(([, field]) => field.isRequired).map(([name]) => name);
  return {
    type: "object",
    properties: Object.fromEntries([...properties, ...tolerated]),
    required,
    additionalProperties: false,
  };
}

function fieldSchema(field: FieldShape, definitions: Record<string, Plain>): Plain {
  const schema = schemaOf(field.shape, definitions);
  // A reference must stand alone in draft-07; its neighbours would be ignored.
  const isReference = Object.hasOwn(schema, "$ref");
  const described: Fields = isReference
    ? { allOf: [schema], description: field.doc }
    : { ...schema, description: field.doc };
  const { shownDefault } = field;
  const isValue = shownDefault !== undefined && !isSentence(field);
  return isValue ? { ...described, default: shownDefault } : described;
}

/** A default that depends on something is described in words, which no editor may insert. */
function isSentence({ shownDefault, shape }: FieldShape): boolean {
  if (typeof shownDefault !== "string") return false;
  return shape.type !== "text" || shownDefault.includes(" ") || shownDefault.startsWith("<");
}

function schemaOf(shape: Shape, definitions: Record<string, Plain>): Fields {
  switch (shape.type) {
    case "text":
      return textSchema(shape);
    case "integer":
    case "number":
      return numberSchema(shape);
    case "boolean":
      return { type: "boolean" };
    case "list":
      return {
        type: "array",
        items: schemaOf(shape.items, definitions),
        minItems: shape.itemsMin,
        maxItems: shape.itemsMax,
      };
    case "map":
      return {
        type: "object",
        propertyNames: textSchema(shape.keys),
        additionalProperties: schemaOf(shape.values, definitions),
        maxProperties: shape.itemsMax,
      };
    case "object":
      return objectReference(shape, definitions) as Fields;
    case "choice":
      return { anyOf: shape.options.map((option) => schemaOf(option, definitions)) };
  }
}

function textSchema(shape: TextShape): Fields {
  if (shape.values !== undefined) return { type: "string", enum: shape.values };
  const { pattern, lengthMin, lengthMax } = shape;
  return {
    type: "string",
    ...(pattern === undefined ? {} : { pattern }),
    ...(lengthMin === undefined ? {} : { minLength: lengthMin }),
    ...(lengthMax === undefined ? {} : { maxLength: lengthMax }),
  };
}

function numberSchema({ type, minimum, maximum, values }: NumberShape): Fields {
  return values === undefined ? { type, minimum, maximum } : { type, enum: values };
}
