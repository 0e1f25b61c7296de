import type { Document, ParsedNode } from "yaml";
import { Composer, LineCounter, Parser } from "yaml";
import type { ConfigNode, SourceText } from "../schema/config-node.ts";
import type { Reader } from "../schema/reader.ts";
import { TreeBuilder } from "./tree-builder.ts";

/**
 * Hands each document of one YAML 1.2 or JSON text over as a tree, in order. A document with any problem is left out, and
 * every problem is reported; empty documents are left out silently. One document is in memory at a time: the parser needs a
 * hundred times the size of the text.
 */
export function parseYaml(file: string, text: string, reader: Reader, take: (tree: ConfigNode) => void): void {
  const lines = new LineCounter();
  const source: SourceText = { file, position: (offset) => lines.linePos(offset) };
  const builder = new TreeBuilder(source, reader);
  try {
    for (const document of composeDocuments(text, lines)) {
      const tree = builder.document(document);
      if (tree !== undefined) take(tree);
    }
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    // The parser is recursive; only nesting that no document needs exhausts its stack.
    reader.add("SV0110", { source, start: 0 }, "nested too deeply to be read");
  }
}

function composeDocuments(text: string, lines: LineCounter): Iterable<Document.Parsed<ParsedNode>> {
  // Duplicate keys are found while the tree is built: the library compares each key with every other.
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    merge: false,
    uniqueKeys: false,
    logLevel: "silent",
  });
  return composer.compose(new Parser(lines.addNewLine).parse(text));
}
