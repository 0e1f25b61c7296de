/** What one TypeScript source imports and which powerful globals it uses, found without running or resolving anything. */
import { POWER_OF_GLOBAL } from "./layer-table.ts";

export interface Import {
  readonly specifier: string;
  /** What is taken by name, before any `as`; empty for a namespace, a default, a side effect or a dynamic import. */
  readonly names: readonly string[];
  readonly line: number;
}

export interface ScannedSource {
  /** Static, type-only, re-exporting and dynamic imports with a literal specifier. */
  readonly imports: readonly Import[];
  /** Keys of `POWER_OF_GLOBAL`, with the line of their use. */
  readonly globals: readonly { readonly name: string; readonly line: number }[];
  /** Lines with `import(` of something other than a literal: nobody can prove where that leads. */
  readonly computedImports: readonly number[];
}

interface Blanked {
  /** The source with comments and the contents of strings and regular expressions replaced by spaces. */
  readonly code: string;
  /** Content of each string literal by the offset of its opening quote. */
  readonly strings: ReadonlyMap<number, string>;
}

const REGEX_MAY_FOLLOW =
  /(^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|await|yield))\s*$/;

/**
 * Blanks what is not code, so that plain patterns can be trusted on the rest. Template literals keep the code inside
 * `${}`. Offsets and line breaks stay where they are.
 */
export function blankNonCode(source: string): Blanked {
  const out = source.split("");
  const strings = new Map<number, string>();
  const templateDepths: number[] = [];
  let depth = 0;
  let at = 0;
  const blank = (from: number, to: number) => {
    for (let i = from; i < to && i < out.length; i++) if (out[i] !== "\n") out[i] = " ";
  };
  /** Leaves `at` behind a template's closing backquote, or behind a `${` that opens code. */
  const skipTemplate = () => {
    const from = at;
    while (at < source.length) {
      if (source[at] === "\\") at += 2;
      else if (source[at] === "`") {
        blank(from, at);
        at++;
        return;
      } else if (source.startsWith("${", at)) {
        blank(from, at);
        templateDepths.push(depth++);
        at += 2;
        return;
      } else at++;
    }
  };
  while (at < source.length) {
    const char = source[at];
    if (source.startsWith("//", at)) {
      const end = source.indexOf("\n", at);
      const to = end < 0 ? source.length : end;
      blank(at, to);
      at = to;
    } else if (source.startsWith("/*", at)) {
      const end = source.indexOf("*/", at + 2);
      const to = end < 0 ? source.length : end + 2;
      blank(at, to);
      at = to;
    } else if (char === '"' || char === "'") {
      const to = endOfQuoted(source, at, char);
      strings.set(at, source.slice(at + 1, to - 1));
      blank(at + 1, to - 1);
      at = to;
    } else if (char === "`") {
      at++;
      skipTemplate();
    } else if (char === "/" && REGEX_MAY_FOLLOW.test(out.slice(Math.max(0, at - 40), at).join(""))) {
      const to = endOfRegex(source, at);
      blank(at + 1, to - 1);
      at = to;
    } else {
      if (char === "{") depth++;
      if (char === "}") {
        depth--;
        if (templateDepths.at(-1) === depth) {
          templateDepths.pop();
          at++;
          skipTemplate();
          continue;
        }
      }
      at++;
    }
  }
  return { code: out.join(""), strings };
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let at = from + 1;
  while (at < source.length && source[at] !== quote && source[at] !== "\n") at += source[at] === "\\" ? 2 : 1;
  return at + 1;
}

function endOfRegex(source: string, from: number): number {
  let at = from + 1;
  let isInClass = false;
  while (at < source.length && source[at] !== "\n" && (isInClass || source[at] !== "/")) {
    if (source[at] === "[") isInClass = true;
    if (source[at] === "]") isInClass = false;
    at += source[at] === "\\" ? 2 : 1;
  }
  return at + 1;
}

/** Scans one file's text. */
export function scanSource(source: string): ScannedSource {
  const { code, strings } = blankNonCode(source);
  const lineOf = (offset: number) => code.slice(0, offset).split("\n").length;
  const imports: Import[] = [];
  const computedImports: number[] = [];
  for (const match of code.matchAll(/(?:(?<!\.)\bfrom\s*|(?<!\.)\b(?:import|require)\s*(\(?)\s*)(["']?)/g)) {
    const quoteAt = match.index + match[0].length - 1;
    const specifier = match[2] === "" ? undefined : strings.get(quoteAt);
    if (specifier !== undefined)
      imports.push({ specifier, names: namesBefore(code, match.index), line: lineOf(match.index) });
    else if (match[0].startsWith("import") && match[1] === "(") computedImports.push(lineOf(match.index));
  }
  return { imports, globals: usedGlobals(code, lineOf), computedImports };
}

/** The names in braces right before `from`. */
function namesBefore(code: string, fromAt: number): string[] {
  const braces = /\bimport\s+(?:type\s+)?\{([^{}]*)\}\s*$/.exec(code.slice(0, fromAt))?.[1];
  const names = (braces ?? "").split(",").map((part) => part.trim().replace(/^type\s+/, ""));
  return names.map((name) => name.split(/\s/)[0] as string).filter((name) => name !== "");
}

function usedGlobals(code: string, lineOf: (offset: number) => number): { name: string; line: number }[] {
  const found: { name: string; line: number }[] = [];
  for (const name of POWER_OF_GLOBAL.keys()) {
    const escaped = name.replace(/[.()]/g, "\\$&");
    // A property of that name, a declared member or an object key is somebody else's; the bare word is the global.
    const pattern = new RegExp(`(?<![.\\w$])${escaped}${name.endsWith(")") ? "" : "(?![\\w$]|\\??\\s*:)"}`, "g");
    for (const match of code.matchAll(pattern)) {
      const before = code.slice(0, match.index);
      if (/\b(?:const|let|function|class|interface|type|readonly)\s+$/.test(before)) continue;
      found.push({ name, line: lineOf(match.index) });
    }
  }
  return found;
}
