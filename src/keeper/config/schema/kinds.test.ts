import { expect, test } from "bun:test";
import { KINDS } from "./kinds.ts";
import type { ObjectShape, Shape } from "./shape.ts";
import { shortForm } from "./short-form.ts";

function objectsIn(shape: Shape, found: Map<string, Set<ObjectShape>>): Map<string, Set<ObjectShape>> {
  if (shape.type === "list") return objectsIn(shape.items, found);
  if (shape.type === "map") return objectsIn(shape.values, found);
  if (shape.type === "choice") for (const option of shape.options) objectsIn(option, found);
  if (shape.type !== "object") return found;
  found.set(shape.name, (found.get(shape.name) ?? new Set()).add(shape));
  for (const field of Object.values(shape.fields)) objectsIn(field.shape, found);
  return found;
}

function allObjects(): Map<string, Set<ObjectShape>> {
  const found = new Map<string, Set<ObjectShape>>();
  for (const declaration of KINDS) {
    objectsIn(declaration.metadata.shape, found);
    objectsIn(declaration.spec, found);
  }
  return objectsIn(shortForm.shape, found);
}

test("no two different objects share a name, or one would stand for both in the reference", () => {
  for (const [name, shapes] of allObjects()) {
    const texts = new Set([...shapes].map((shape) => JSON.stringify(shape)));
    expect([name, texts.size]).toEqual([name, 1]);
  }
});

test("every field says what it means, in a sentence", () => {
  for (const [name, shapes] of allObjects()) {
    for (const [field, { doc }] of [...shapes].flatMap((shape) => Object.entries(shape.fields))) {
      expect(`${name}.${field}: ${doc}`).toMatch(/[A-Z"`].*[.:]$/s);
    }
  }
});

test("no field is both supported and refused", () => {
  for (const [name, shapes] of allObjects()) {
    for (const shape of shapes) {
      const both = Object.keys(shape.unsupported).filter((field) => Object.hasOwn(shape.fields, field));
      expect([name, both]).toEqual([name, []]);
    }
  }
});
