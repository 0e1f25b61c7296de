/**
 * The tree that validation reads: what a YAML or JSON document says, with the position of every part, free of the syntax
 * it was written in (aliases are resolved, quotes are gone). The short form is expanded into such trees as well, whose
 * parts then keep the positions in the short form.
 */
import type { FieldPath } from "../../../model/documents.ts";
import type { Origin } from "../../../model/issue.ts";

/** A file, or another named text, that positions refer to. */
export interface SourceText {
  readonly file: string;
  /** Line and column (from 1) of an offset. */
  readonly position: (offset: number) => { readonly line: number; readonly col: number };
  /** Reads the tree that begins at an offset again, so that nobody has to keep it for its positions alone. */
  readonly reread?: (offset: number) => ConfigNode | undefined;
}

/** Something that stands somewhere: a node, or the key of an entry. */
export interface Placed {
  readonly source: SourceText;
  /** Offset in the source. */
  readonly start: number;
}

export interface ScalarNode extends Placed {
  readonly type: "scalar";
  readonly value: string | number | boolean | null;
  /** As written, for messages and for numbers that mean different things in different versions of YAML. */
  readonly text: string;
}

export interface ListNode extends Placed {
  readonly type: "list";
  readonly items: readonly ConfigNode[];
}

export interface MapEntry {
  readonly key: string;
  readonly keyPlace: Placed;
  readonly value: ConfigNode;
}

/** Keys are unique. */
export interface MapNode extends Placed {
  readonly type: "map";
  readonly entries: readonly MapEntry[];
}

export type ConfigNode = ScalarNode | ListNode | MapNode;

/** Values as JSON has them: what a schema writes back, and what expansion builds trees from. */
export type Plain = string | number | boolean | null | readonly Plain[] | { readonly [key: string]: Plain };

/** File, line and column of something that stands somewhere. */
export function originOf(place: Placed): Origin {
  return { file: place.source.file, ...place.source.position(place.start) };
}

/** The entry of a mapping, or `undefined` where there is none or the node is no mapping. */
export function entryOf(node: ConfigNode, key: string): MapEntry | undefined {
  return node.type === "map" ? node.entries.find((entry) => entry.key === key) : undefined;
}

/** The node at a path, or the nearest ancestor of it that was written. */
export function nodeAt(root: ConfigNode, path: FieldPath): ConfigNode {
  let node = root;
  for (const step of path) {
    const next = typeof step === "number" ? itemOf(node, step) : entryOf(node, step)?.value;
    if (next === undefined) return node;
    node = next;
  }
  return node;
}

function itemOf(node: ConfigNode, index: number): ConfigNode | undefined {
  return node.type === "list" ? node.items[index] : undefined;
}

/** A plain value, or a tree that is to keep its own positions, at any depth. */
export type NodeSource = string | number | boolean | ConfigNode | readonly NodeSource[] | NodeFields;

/** Fields that are `undefined` are left out. */
export interface NodeFields {
  readonly [key: string]: NodeSource | undefined;
}

/** Builds a tree all of whose new parts stand at `place`; trees inside of it keep their positions. */
export function nodeFrom(value: NodeSource, place: Placed): ConfigNode {
  const { source, start } = place;
  if (typeof value !== "object") return { type: "scalar", value, text: String(value), source, start };
  if (isList(value)) return { type: "list", items: value.map((item) => nodeFrom(item, place)), source, start };
  if (isNode(value)) return value;
  const entries: MapEntry[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) entries.push({ key, keyPlace: { source, start }, value: nodeFrom(item, place) });
  }
  return { type: "map", entries, source, start };
}

function isList(value: ConfigNode | readonly NodeSource[] | NodeFields): value is readonly NodeSource[] {
  return Array.isArray(value);
}

/** A tree is told from plain fields by its source, which no field of ours is. */
function isNode(value: ConfigNode | NodeFields): value is ConfigNode {
  const source: unknown = value.source;
  return typeof source === "object" && source !== null && "position" in source;
}
