/** Reading what the documents claim: links, headings, paths, commands, samples. Pure. */

export interface Found {
  readonly text: string;
  readonly line: number;
}

export interface Fence extends Found {
  /** Words behind the opening backquotes: `yaml`, `sh`, … */
  readonly info: string;
}

/** Fenced code blocks. */
export function fencesOf(markdown: string): Fence[] {
  const fences: Fence[] = [];
  let open: { info: string; line: number; lines: string[] } | undefined;
  for (const [index, line] of markdown.split("\n").entries()) {
    const marker = /^\s*```(.*)$/.exec(line);
    if (marker === null) open?.lines.push(line);
    else if (open === undefined) open = { info: (marker[1] as string).trim(), line: index + 1, lines: [] };
    else {
      fences.push({ info: open.info, line: open.line, text: open.lines.join("\n") });
      open = undefined;
    }
  }
  return fences;
}

/** The text with fenced blocks blanked, lines kept. */
export function withoutFences(markdown: string): string {
  let isOpen = false;
  return markdown
    .split("\n")
    .map((line) => {
      if (/^\s*```/.test(line)) {
        isOpen = !isOpen;
        return "";
      }
      return isOpen ? "" : line;
    })
    .join("\n");
}

function findAll(text: string, pattern: RegExp): Found[] {
  return [...text.matchAll(pattern)].map((match) => ({
    text: match[1] as string,
    line: text.slice(0, match.index).split("\n").length,
  }));
}

/** Targets of links and images. */
export function linksOf(markdown: string): Found[] {
  return findAll(withoutFences(markdown), /\]\(([^)\s]+)\)/g);
}

/** Anchors of the headings, formed as code hosts do: lower case, punctuation dropped, spaces to hyphens. */
export function anchorsOf(markdown: string): Set<string> {
  const headings = findAll(withoutFences(markdown), /^#+ +(.+)$/gm);
  return new Set(
    headings.map(({ text }) =>
      text
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, "")
        .trim()
        .replaceAll(" ", "-"),
    ),
  );
}

/** Spans in backquotes that name a file or folder of the repository. */
export function pathsOf(markdown: string): Found[] {
  const spans = findAll(withoutFences(markdown), /`([^`\n]+)`/g);
  return spans.filter(({ text }) => /^(src|tools|scripts|bench|test|examples|docs|bin|web|\.ci)\/[\w./-]*$/.test(text));
}

export interface ShownCommand extends Found {
  /** The words up to the first flag or argument that is not a lower-case word: `authz check`. */
  readonly words: readonly string[];
  readonly flags: readonly string[];
}

/**
 * Commands of the CLI that a reader is told to type: in fences for shells, and in backquoted spans.
 * Behind ` -- ` stands somebody else's command.
 */
export function commandsOf(markdown: string): ShownCommand[] {
  const shells = fencesOf(markdown).filter(({ info }) => /^(sh|console|shell|bash)?$/.test(info));
  const lines = shells.flatMap((fence) =>
    fence.text.split("\n").map((text, index) => ({ text: text.replace(/\s#.*$/, ""), line: fence.line + 1 + index })),
  );
  return [...lines, ...findAll(withoutFences(markdown), /`([^`\n]+)`/g)].flatMap(({ text, line }) => {
    const match = /^\s*(?:\$ )?(?:sudo )?(?:bin\/|\.\/bin\/)?selvedge((?: [^|;&]*)?)$/.exec(
      text.split(" -- ")[0] as string,
    );
    if (match === null) return [];
    const tokens = (match[1] as string).trim().split(/\s+/);
    const end = tokens.findIndex((token) => !/^[a-z]+$/.test(token));
    const words = end < 0 ? tokens : tokens.slice(0, end);
    return [{ text, line, words, flags: tokens.filter((token) => /^--?[a-z]/.test(token)) }];
  });
}

/** Names of `npm run NAME` and `npm test` in the text. */
export function npmScriptsOf(markdown: string): Found[] {
  return [...findAll(markdown, /npm run ([\w-]+)/g), ...findAll(markdown, /npm (test)\b/g)];
}
