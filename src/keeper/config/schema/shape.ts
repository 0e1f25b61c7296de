/** What a schema says about itself: the material for the reference, the JSON Schema and hints. Plain values, no behaviour. */
import type { Plain } from "./config-node.ts";

export interface TextShape {
  readonly type: "text";
  /** What the text is, as a noun: `a DNS label`. */
  readonly what: string;
  /** Source of an anchored regular expression, where the grammar is one. */
  readonly pattern?: string;
  readonly values?: readonly string[];
  readonly lengthMin?: number;
  readonly lengthMax?: number;
}

export interface NumberShape {
  readonly type: "integer" | "number";
  readonly minimum: number;
  readonly maximum: number;
  /** Only these. */
  readonly values?: readonly number[];
}

export interface BooleanShape {
  readonly type: "boolean";
}

export interface ListShape {
  readonly type: "list";
  readonly items: Shape;
  readonly itemsMin: number;
  readonly itemsMax: number;
}

export interface MapShape {
  readonly type: "map";
  readonly keys: TextShape;
  readonly values: Shape;
  readonly itemsMax: number;
}

export interface FieldShape {
  readonly doc: string;
  readonly isRequired: boolean;
  /** The default as one would write it, or a sentence for one that depends on something. */
  readonly shownDefault?: Plain;
  readonly shape: Shape;
}

export interface ObjectShape {
  readonly type: "object";
  /** Unique among all objects of the schema; the heading in the reference. */
  readonly name: string;
  readonly fields: Readonly<Record<string, FieldShape>>;
  /** Valid upstream, refused here: field -> reason. */
  readonly unsupported: Readonly<Record<string, string>>;
  /** Accepted and without meaning to us: metadata that a Kubernetes API server adds. */
  readonly tolerated: readonly string[];
  /** Rules between fields, one sentence each. */
  readonly rules: readonly string[];
}

export interface ChoiceShape {
  readonly type: "choice";
  readonly options: readonly Shape[];
}

export type Shape = TextShape | NumberShape | BooleanShape | ListShape | MapShape | ObjectShape | ChoiceShape;
