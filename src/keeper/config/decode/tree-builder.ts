import type { Document, Node, Pair, ParsedNode } from "yaml";
import { isAlias, isMap, isScalar, isSeq } from "yaml";
import type { ConfigNode, MapEntry, Placed, SourceText } from "../schema/config-node.ts";
import { originOf } from "../schema/config-node.ts";
import type { Reader } from "../schema/reader.ts";
import { escapeControls, quote } from "../schema/reader.ts";
import { ALIAS_NODES_MAX, NESTING_DEPTH_MAX, NODES_MAX, SYNTAX_ERRORS_MAX } from "./limits.ts";

/** Tags of the core schema that may be written out; they change nothing but the type of a scalar. */
const CORE_TAGS = /^tag:yaml\.org,2002:(?:str|int|float|bool|null|map|seq)$/;

/** Stands for a part that cannot be used; the problem was reported. */
const BROKEN = undefined;

/** Makes trees of the documents of one text: aliases resolved within bounds, tags, merge keys and repeated keys refused. */
export class TreeBuilder {
  readonly #source: SourceText;
  readonly #reader: Reader;
  readonly #anchors = new Map<string, Node>();
  readonly #open = new Set<Node>();
  #nodeCount = 0;
  #aliasNodeCount = 0;
  #aliasDepth = 0;

  constructor(source: SourceText, reader: Reader) {
    this.#source = source;
    this.#reader = reader;
  }

  /** The tree of one document, or `undefined` where it is empty or has a problem, which is reported. */
  document(document: Document.Parsed<ParsedNode>): ConfigNode | undefined {
    this.#anchors.clear();
    for (const { pos, message } of document.errors.slice(0, SYNTAX_ERRORS_MAX)) {
      this.#reader.add("SV0105", this.#place(pos[0]), firstLine(message));
    }
    if (document.errors.length > 0 || document.contents === null) return BROKEN;
    const errorsBefore = this.#reader.errorCount;
    const node = this.#build(document.contents, 0);
    const isEmpty = node?.type === "scalar" && node.value === null;
    return isEmpty || this.#reader.errorCount > errorsBefore ? BROKEN : node;
  }

  #place(start: number): Placed {
    return { source: this.#source, start };
  }

  #placeOf(node: Node): Placed {
    return this.#place(node.range?.[0] ?? 0);
  }

  #build(node: Node, depth: number): ConfigNode | undefined {
    const place = this.#placeOf(node);
    if (!this.#isWithinBounds(depth, place)) return BROKEN;
    if (isAlias(node)) return this.#alias(node.source, place, depth);
    if ("anchor" in node && node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    if (node.tag !== undefined && !CORE_TAGS.test(node.tag)) {
      this.#reader.add("SV0107", place, `tag ${quote(node.tag)} is not allowed`);
      return BROKEN;
    }
    if (isScalar(node)) return this.#scalar(node.value, node.source, place);
    this.#open.add(node);
    const built = isMap(node)
      ? this.#map(node.items, place, depth)
      : isSeq(node)
        ? this.#list(node.items, place, depth)
        : BROKEN;
    this.#open.delete(node);
    return built;
  }

  #isWithinBounds(depth: number, place: Placed): boolean {
    this.#nodeCount++;
    if (depth > NESTING_DEPTH_MAX) {
      this.#reader.add("SV0110", place, `nested deeper than ${NESTING_DEPTH_MAX} levels`);
      return false;
    }
    if (this.#aliasDepth > 0 && ++this.#aliasNodeCount > ALIAS_NODES_MAX) {
      if (this.#aliasNodeCount === ALIAS_NODES_MAX + 1) {
        this.#reader.add("SV0108", place, `aliases repeat more than ${ALIAS_NODES_MAX} parts`);
      }
      return false;
    }
    if (this.#nodeCount === NODES_MAX + 1)
      this.#reader.add("SV0102", place, `more than ${NODES_MAX} parts in one file`);
    return this.#nodeCount <= NODES_MAX;
  }

  #alias(name: string, place: Placed, depth: number): ConfigNode | undefined {
    const target = this.#anchors.get(name);
    if (target === undefined || this.#open.has(target)) {
      const problem = target === undefined ? "no anchor of this name stands before it" : "it refers to itself";
      this.#reader.add("SV0108", place, `alias ${quote(`*${name}`)}: ${problem}`);
      return BROKEN;
    }
    this.#aliasDepth++;
    const built = this.#build(target, depth);
    this.#aliasDepth--;
    return built;
  }

  #scalar(value: unknown, text: string | undefined, place: Placed): ConfigNode | undefined {
    const isPlain =
      typeof value === "string" || typeof value === "number" || typeof value === "boolean" || value === null;
    if (typeof value === "string") return { type: "scalar", value, text: value, ...place };
    return isPlain ? { type: "scalar", value, text: text ?? String(value), ...place } : BROKEN;
  }

  #list(items: readonly unknown[], place: Placed, depth: number): ConfigNode {
    const built: ConfigNode[] = [];
    for (const item of items) {
      const node = this.#build(item as Node, depth + 1);
      if (node !== BROKEN) built.push(node);
    }
    return { type: "list", items: built, ...place };
  }

  #map(pairs: readonly Pair<unknown, unknown>[], place: Placed, depth: number): ConfigNode {
    const entries: MapEntry[] = [];
    const seen = new Map<string, Placed>();
    for (const pair of pairs) {
      const keyPlace = this.#placeOf(pair.key as Node);
      const key = this.#key(pair.key, keyPlace);
      if (key === BROKEN || this.#isRepeated(key, keyPlace, seen)) continue;
      const { value } = pair;
      const none: ConfigNode = { type: "scalar", value: null, text: "", ...keyPlace };
      const node = value === null ? none : this.#build(value as Node, depth + 1);
      if (node !== BROKEN) entries.push({ key, keyPlace, value: node });
    }
    return { type: "map", entries, ...place };
  }

  #key(key: unknown, place: Placed): string | undefined {
    const isWord =
      isScalar(key) && key.tag === undefined && (typeof key.value === "string" || typeof key.value === "number");
    if (!isWord) {
      this.#reader.add("SV0112", place, "a key must be a plain string");
      return BROKEN;
    }
    if (key.value === "<<" && key.type === "PLAIN") {
      this.#reader.add("SV0109", place, "merge keys are not part of YAML 1.2");
      return BROKEN;
    }
    // Numbers are taken as they are written: ports are the keys of some mappings.
    return typeof key.value === "number" ? (key.source ?? String(key.value)) : (key.value as string);
  }

  #isRepeated(key: string, place: Placed, seen: Map<string, Placed>): boolean {
    const first = seen.get(key);
    if (first === undefined) {
      seen.set(key, place);
      return false;
    }
    this.#reader.add("SV0106", place, `key ${quote(key)} stands in line ${originOf(first).line} already`);
    return true;
  }
}

function firstLine(message: string): string {
  return escapeControls(message.split("\n", 1)[0]!.replace(/[.:]$/, ""));
}
