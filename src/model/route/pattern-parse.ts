/**
 * Reads the dialect of `RegularExpression` matches: RE2's syntax without flags, named groups and word boundaries.
 *
 * Literals, `.`, `[a-z]`, `[^/]`, `\d \w \s \D \W \S`, `\t \n \r \f \v \xHH`, escaped punctuation, `(...)`, `(?:...)`, `|`,
 * `* + ?` and `{n}`, `{n,}`, `{n,m}` (lazy forms mean the same here). `^` at the start and `$` at the end are allowed and
 * change nothing, because a match is always of the whole subject. Back-references and look-around are refused: with them
 * no linear bound holds.
 */

/** Longest pattern; Gateway API allows path values up to this length. */
export const PATTERN_CHARS_MAX = 1024;

/** Deepest nesting of groups; keeps the recursion of the reader bounded. */
export const PATTERN_DEPTH_MAX = 32;

/** Highest count in `{n,m}`; counts are unrolled. */
export const PATTERN_REPEAT_MAX = 255;

/** Syntax tree of a pattern. `set.ranges` holds inclusive pairs of UTF-16 code units. */
export type PatternNode =
  | { readonly type: "set"; readonly ranges: readonly number[]; readonly negated: boolean }
  | { readonly type: "concat"; readonly parts: readonly PatternNode[] }
  | { readonly type: "either"; readonly options: readonly PatternNode[] }
  | { readonly type: "repeat"; readonly part: PatternNode; readonly min: number; readonly max: number };

/** A pattern outside the dialect; the message says what and where (offset from 0). */
export class PatternError extends Error {
  override readonly name = "PatternError";
}

const DIGIT = [0x30, 0x39];
const WORD = [0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a];
const SPACE = [0x09, 0x0a, 0x0c, 0x0d, 0x20, 0x20];
const SHORTHAND: Readonly<Record<string, { ranges: readonly number[]; negated: boolean }>> = {
  d: { ranges: DIGIT, negated: false },
  D: { ranges: DIGIT, negated: true },
  w: { ranges: WORD, negated: false },
  W: { ranges: WORD, negated: true },
  s: { ranges: SPACE, negated: false },
  S: { ranges: SPACE, negated: true },
};
const CONTROL: Readonly<Record<string, number>> = { t: 9, n: 10, v: 11, f: 12, r: 13 };

class Reader {
  readonly #text: string;
  #at = 0;
  #depth = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): PatternNode {
    if (this.#text.length > PATTERN_CHARS_MAX) throw new PatternError(`longer than ${PATTERN_CHARS_MAX} characters`);
    if (this.#peek() === "^") this.#at++;
    const node = this.#either();
    if (this.#at < this.#text.length) throw this.#error(`unmatched "${this.#text[this.#at]}"`);
    return node;
  }

  #either(): PatternNode {
    const options = [this.#concat()];
    while (this.#peek() === "|") {
      this.#at++;
      options.push(this.#concat());
    }
    return options.length === 1 ? options[0]! : { type: "either", options };
  }

  #concat(): PatternNode {
    const parts: PatternNode[] = [];
    for (;;) {
      const char = this.#peek();
      if (char === "" || char === "|" || char === ")") break;
      if (char === "$" && this.#at === this.#text.length - 1) {
        this.#at++;
        break;
      }
      parts.push(this.#quantified());
    }
    return parts.length === 1 ? parts[0]! : { type: "concat", parts };
  }

  #quantified(): PatternNode {
    let node = this.#atom();
    for (let count = 0; ; count++) {
      const bounds = this.#bounds();
      if (bounds === undefined) return node;
      if (count > 0) throw this.#error("a quantifier follows a quantifier");
      if (this.#peek() === "?") this.#at++;
      node = { type: "repeat", part: node, min: bounds[0], max: bounds[1] };
    }
  }

  /** `[min, max]` of a quantifier at this place, with `Infinity` for no upper bound. */
  #bounds(): readonly [number, number] | undefined {
    const char = this.#peek();
    const simple = char === "*" ? [0, Infinity] : char === "+" ? [1, Infinity] : char === "?" ? [0, 1] : undefined;
    if (simple !== undefined) {
      this.#at++;
      return [simple[0]!, simple[1]!];
    }
    if (char !== "{") return undefined;
    const found = /^\{(\d{1,4})(,(\d{0,4}))?\}/.exec(this.#text.slice(this.#at, this.#at + 12));
    if (found === null) throw this.#error('a "{" that is no count must be escaped');
    const min = Number(found[1]);
    const max = found[2] === undefined ? min : found[3] === "" ? Infinity : Number(found[3]);
    if (min > max) throw this.#error("the count's lower bound is above its upper bound");
    if (min > PATTERN_REPEAT_MAX || (max !== Infinity && max > PATTERN_REPEAT_MAX)) {
      throw this.#error(`a count is above ${PATTERN_REPEAT_MAX}`);
    }
    this.#at += found[0].length;
    return [min, max];
  }

  #atom(): PatternNode {
    const char = this.#text[this.#at++]!;
    if (char === "(") return this.#group();
    if (char === "[") return this.#bracket();
    if (char === "\\") return { type: "set", ...this.#escape() };
    if (char === ".") return { type: "set", ranges: [0x0a, 0x0a], negated: true };
    if ("*+?{".includes(char)) throw this.#error(`nothing for "${char}" to repeat`);
    if (char === "^" || char === "$") throw this.#error(`"${char}" is allowed at the pattern's own ends only`);
    return single(char.charCodeAt(0));
  }

  #group(): PatternNode {
    if (++this.#depth > PATTERN_DEPTH_MAX) throw this.#error(`groups nested deeper than ${PATTERN_DEPTH_MAX}`);
    if (this.#peek() === "?") {
      if (this.#text[this.#at + 1] !== ":") throw this.#error("look-around, flags and named groups are not supported");
      this.#at += 2;
    }
    const node = this.#either();
    if (this.#peek() !== ")") throw this.#error('a group lacks its ")"');
    this.#at++;
    this.#depth--;
    return node;
  }

  #bracket(): PatternNode {
    const negated = this.#peek() === "^";
    if (negated) this.#at++;
    const ranges: number[] = [];
    for (let first = true; first || this.#peek() !== "]"; first = false) {
      if (this.#at >= this.#text.length) throw this.#error('a class lacks its "]"');
      const from = this.#classItem();
      if (this.#peek() !== "-" || this.#text[this.#at + 1] === "]" || from.length !== 2 || from[0] !== from[1]) {
        ranges.push(...from);
        continue;
      }
      this.#at++;
      if (this.#at >= this.#text.length) throw this.#error('a class lacks its "]"');
      const to = this.#classItem();
      if (to.length !== 2 || to[0] !== to[1] || to[0]! < from[0]!) throw this.#error("a class has an invalid range");
      ranges.push(from[0]!, to[0]!);
    }
    this.#at++;
    return { type: "set", ranges, negated };
  }

  #classItem(): readonly number[] {
    const char = this.#text[this.#at++]!;
    if (char === "[" && this.#peek() === ":") throw this.#error("POSIX classes are not supported");
    if (char !== "\\") return [char.charCodeAt(0), char.charCodeAt(0)];
    const set = this.#escape();
    if (set.negated) throw this.#error("a negated shorthand inside a class is not supported");
    return set.ranges;
  }

  #escape(): { readonly ranges: readonly number[]; readonly negated: boolean } {
    const char = this.#text[this.#at++];
    if (char === undefined) throw this.#error('a "\\" at the end');
    const shorthand = SHORTHAND[char];
    if (shorthand !== undefined) return shorthand;
    const control = CONTROL[char];
    if (control !== undefined) return { ranges: [control, control], negated: false };
    if (char === "x") return this.#hexEscape();
    if (/[0-9]/.test(char)) throw this.#error("back-references are not supported");
    if (/[a-zA-Z]/.test(char)) throw this.#error(`"\\${char}" is not supported`);
    return { ranges: [char.charCodeAt(0), char.charCodeAt(0)], negated: false };
  }

  #hexEscape(): { readonly ranges: readonly number[]; readonly negated: boolean } {
    const digits = this.#text.slice(this.#at, this.#at + 2);
    if (!/^[0-9a-fA-F]{2}$/.test(digits)) throw this.#error('"\\x" needs two hexadecimal digits');
    this.#at += 2;
    const code = Number.parseInt(digits, 16);
    return { ranges: [code, code], negated: false };
  }

  #peek(): string {
    return this.#text[this.#at] ?? "";
  }

  #error(what: string): PatternError {
    return new PatternError(`${what} (at offset ${this.#at})`);
  }
}

function single(code: number): PatternNode {
  return { type: "set", ranges: [code, code], negated: false };
}

/**
 * Reads a pattern.
 *
 * @throws PatternError where it is not in the dialect
 */
export function parsePattern(text: string): PatternNode {
  return new Reader(text).read();
}

/** The literal text every match begins with; may be empty. */
export function literalPrefix(node: PatternNode): string {
  const parts = node.type === "concat" ? node.parts : [node];
  let prefix = "";
  for (const part of parts) {
    if (part.type !== "set" || part.negated || part.ranges.length !== 2 || part.ranges[0] !== part.ranges[1]) break;
    prefix += String.fromCharCode(part.ranges[0]!);
  }
  return prefix;
}
