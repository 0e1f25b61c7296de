/** JSON texts as trees: the same that the YAML parser makes of them, for a tenth of its time and memory. */
import type { ConfigNode, MapEntry, Placed, SourceText } from "../schema/config-node.ts";
import { NESTING_DEPTH_MAX, NODES_MAX } from "./limits.ts";

/** A document that was read. */
export interface JsonDocument {
  readonly tree: ConfigNode;
  /** Offset behind it. */
  readonly end: number;
}

const NUMBER = /-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?/y;
const WORDS = [
  ["true", true],
  ["false", false],
  ["null", null],
] as const;

const SPACE = 0x20;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/**
 * Reads JSON mappings out of one text. What is not strict JSON (RFC 8259), has a key twice or is nested too deeply is nothing to
 * it: whoever asks then reads the same text as YAML, which says what is wrong.
 */
export class JsonReader {
  readonly #text: string;
  readonly #source: SourceText;
  #at = 0;
  /** Parts of all documents of the text so far. */
  #nodeCount = 0;

  constructor(text: string, source: SourceText) {
    this.#text = text;
    this.#source = source;
  }

  /** The mapping that begins at an offset, or `undefined`. */
  document(start: number): JsonDocument | undefined {
    this.#at = start;
    if (this.#text[start] !== "{") return undefined;
    const tree = this.#value(0);
    return tree === undefined ? undefined : { tree, end: this.#at };
  }

  #value(depth: number): ConfigNode | undefined {
    if (depth > NESTING_DEPTH_MAX || ++this.#nodeCount > NODES_MAX) return undefined;
    const start = this.#at;
    switch (this.#text[start]) {
      case "{":
        return this.#map(start, depth);
      case "[":
        return this.#list(start, depth);
      case '"': {
        const value = this.#string();
        return value === undefined ? undefined : { type: "scalar", value, text: value, ...this.#place(start) };
      }
      default:
        return this.#bare(start);
    }
  }

  #map(start: number, depth: number): ConfigNode | undefined {
    const entries: MapEntry[] = [];
    const keys = new Set<string>();
    if (this.#opens("}")) return { type: "map", entries, ...this.#place(start) };
    for (;;) {
      const keyPlace = this.#place(this.#at);
      const key = this.#string();
      if (key === undefined || keys.has(key) || !this.#takes(":")) return undefined;
      keys.add(key);
      const value = this.#value(depth + 1);
      if (value === undefined) return undefined;
      entries.push({ key, keyPlace, value });
      if (this.#takes(",")) continue;
      return this.#closes("}") ? { type: "map", entries, ...this.#place(start) } : undefined;
    }
  }

  #list(start: number, depth: number): ConfigNode | undefined {
    const items: ConfigNode[] = [];
    if (this.#opens("]")) return { type: "list", items, ...this.#place(start) };
    for (;;) {
      const item = this.#value(depth + 1);
      if (item === undefined) return undefined;
      items.push(item);
      if (this.#takes(",")) continue;
      return this.#closes("]") ? { type: "list", items, ...this.#place(start) } : undefined;
    }
  }

  #string(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    if (text.charCodeAt(start) !== QUOTE) return undefined;
    let isEscaped = false;
    for (let at = start + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code < SPACE) return undefined;
      if (code === BACKSLASH) {
        isEscaped = true;
        at++;
      } else if (code === QUOTE) {
        this.#at = at + 1;
        return isEscaped ? unescaped(text.slice(start, at + 1)) : text.slice(start + 1, at);
      }
    }
    return undefined;
  }

  #bare(start: number): ConfigNode | undefined {
    for (const [word, value] of WORDS) {
      if (!this.#text.startsWith(word, start)) continue;
      this.#at = start + word.length;
      return { type: "scalar", value, text: word, ...this.#place(start) };
    }
    NUMBER.lastIndex = start;
    const text = NUMBER.exec(this.#text)?.[0];
    if (text === undefined) return undefined;
    this.#at = start + text.length;
    return { type: "scalar", value: Number(text), text, ...this.#place(start) };
  }

  /** Steps into a mapping or list; true where it is empty and left again. */
  #opens(end: string): boolean {
    this.#at++;
    this.#skipSpace();
    return this.#closes(end);
  }

  #closes(end: string): boolean {
    if (this.#text[this.#at] !== end) return false;
    this.#at++;
    return true;
  }

  /** A mark between two parts, with the space around it. */
  #takes(mark: string): boolean {
    this.#skipSpace();
    if (this.#text[this.#at] !== mark) return false;
    this.#at++;
    this.#skipSpace();
    return true;
  }

  #skipSpace(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== SPACE && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #place(start: number): Placed {
    return { source: this.#source, start };
  }
}

/** What a quoted text with escapes stands for; `undefined` where an escape is none of JSON's. */
function unescaped(quoted: string): string | undefined {
  try {
    return JSON.parse(quoted) as string;
  } catch {
    return undefined;
  }
}
