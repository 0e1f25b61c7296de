import type { Document, ParsedNode } from "yaml";
import { Composer, Parser } from "yaml";
import type { ConfigNode, SourceText } from "../schema/config-node.ts";
import type { Reader } from "../schema/reader.ts";
import { TreeBuilder } from "./tree-builder.ts";

/**
 * Hands each document of a YAML 1.2 text over as a tree, in order, from an offset on, where a document begins. A document with
 * any problem is left out, and every problem is reported; empty documents are left out silently. One document is in memory at a
 * time: the parser needs a hundred times the size of the text.
 */
export function parseYaml(
  source: SourceText,
  text: string,
  start: number,
  reader: Reader,
  take: (tree: ConfigNode) => void,
): void {
  const rest: SourceText = { file: source.file, position: (offset) => source.position(start + offset) };
  const builder = new TreeBuilder(rest, reader);
  try {
    for (const document of composeDocuments(text.slice(start))) {
      const tree = builder.document(document);
      if (tree !== undefined) take(tree);
    }
  } catch (thrown) {
    if (!(thrown instanceof RangeError)) throw thrown;
    // The parser is recursive; only nesting that no document needs exhausts its stack.
    reader.add("SV0110", { source: rest, start: 0 }, "nested too deeply to be read");
  }
}

function composeDocuments(text: string): Iterable<Document.Parsed<ParsedNode>> {
  // Duplicate keys are found while the tree is built: the library compares each key with every other.
  const composer = new Composer({
    version: "1.2",
    schema: "core",
    merge: false,
    uniqueKeys: false,
    logLevel: "silent",
  });
  return composer.compose(new Parser().parse(text));
}
