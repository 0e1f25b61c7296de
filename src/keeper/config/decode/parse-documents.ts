import type { ConfigNode, SourceText } from "../schema/config-node.ts";
import type { Reader } from "../schema/reader.ts";
import { LineTable } from "./line-table.ts";
import { JsonReader } from "./parse-json.ts";
import { parseYaml } from "./parse-yaml.ts";

/** Before a JSON document: blank lines, and the dashes that begin it. */
const BEGIN = /(?:[ \t]*\r?\n)*(?:---[ \t\r\n]+)?/y;

/** Behind one: nothing more, or a line of dashes. */
const END = /[ \t]*(?:\r?\n[ \t]*)*(?:$|(?<=\n)---(?=[ \t\r\n]|$))/y;

/**
 * Hands each document of one YAML 1.2 or JSON text over as a tree, in order. Documents that are JSON, from the first on, are
 * read as such; from the first on that is not, the YAML parser reads, whose trees are the same. A document with any problem is
 * left out, and every problem is reported; empty documents are left out silently. One document is in memory at a time.
 */
export function parseDocuments(file: string, text: string, reader: Reader, take: (tree: ConfigNode) => void): void {
  const lines = new LineTable(text);
  const position = (offset: number) => lines.position(offset);
  const source: SourceText = {
    file,
    position,
    reread: (offset) => new JsonReader(text, source).document(offset)?.tree,
  };
  const json = new JsonReader(text, source);
  let at = 0;
  for (;;) {
    BEGIN.lastIndex = at;
    const document = json.document(at + (BEGIN.exec(text)?.[0].length ?? 0));
    if (document === undefined) break;
    END.lastIndex = document.end;
    if (!END.test(text)) break;
    take(document.tree);
    at = document.end;
  }
  parseYaml(source, text, at, reader, take);
}
