import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import type { ConfigNode, SourceText } from "../schema/config-node.ts";
import { originOf } from "../schema/config-node.ts";
import { Reader } from "../schema/reader.ts";
import { LineTable } from "./line-table.ts";
import { parseDocuments } from "./parse-documents.ts";
import { JsonReader } from "./parse-json.ts";
import { parseYaml } from "./parse-yaml.ts";

type Parse = (text: string, reader: Reader, take: (tree: ConfigNode) => void) => void;

const both: Parse = (text, reader, take) => parseDocuments("a", text, reader, take);
const yaml: Parse = (text, reader, take) => {
  const lines = new LineTable(text);
  parseYaml({ file: "a", position: (offset) => lines.position(offset) }, text, 0, reader, take);
};

/** Everything that a tree says, positions included. */
function plain(node: ConfigNode): unknown {
  const { line, col } = originOf(node);
  const at = `${line}:${col}`;
  if (node.type === "scalar") return [at, node.value, node.text];
  if (node.type === "list") return [at, node.items.map(plain)];
  return [
    at,
    node.entries.map(({ key, keyPlace, value }) => [
      key,
      `${originOf(keyPlace).line}:${originOf(keyPlace).col}`,
      plain(value),
    ]),
  ];
}

function read(parse: Parse, text: string): { trees: unknown[]; issues: readonly string[] } {
  const reader = new Reader();
  const trees: unknown[] = [];
  parse(text, reader, (tree) => trees.push(plain(tree)));
  return { trees, issues: reader.issues.map(({ line, col, code, message }) => `${line}:${col} ${code} ${message}`) };
}

function isReadAsJson(text: string): boolean {
  const source: SourceText = { file: "a", position: () => ({ line: 1, col: 1 }) };
  return new JsonReader(text, source).document(0) !== undefined;
}

describe("documents in JSON", () => {
  test("are the same trees, at the same places, as the YAML parser makes of them", () => {
    const documents = fc.array(
      fc.tuple(
        fc.dictionary(fc.string({ maxLength: 20 }), fc.jsonValue({ maxDepth: 4 }), { maxKeys: 5 }),
        fc.constantFrom(0, 1, 2),
      ),
      { minLength: 1, maxLength: 4 },
    );
    fc.assert(
      fc.property(documents, fc.constantFrom("", "---\n", "---\r\n", "\n\n--- "), (list, begin) => {
        const text = begin + list.map(([value, indent]) => JSON.stringify(value, null, indent)).join("\n---\n");
        expect(read(both, text)).toEqual(read(yaml, text));
      }),
      { numRuns: 300 },
    );
  });

  const SAME = [
    '{"a":1}',
    '{"a":1}\n',
    ' \n{"a":1}',
    '--- {"a":1}\n--- {"b":2}\n',
    '{"a":1}\n---\n',
    '{"a":1}\n---\n---\n{"b":2}',
    '{"a":1}\n...\n{"b":2}',
    '{"a":1} # said\n---\n{"b":2}',
    '{"a":1}\n# said\n---\n{"b":2}',
    '{"a":1}\n---\nb: 2\n---\n{"c":3}\n',
    'a: 1\n---\n{"b":2}\n',
    '{"a":1}\n{"b":2}\n',
    '{"a":1} {"b":2}',
    '{"a":1} ---\n{"b":2}',
    '{"a":1}\n ---\n{"b":2}',
    '{"a":1}\n---x\n{"b":2}',
    '{"a":1,"a":2}\n---\n{"b":2}',
    '{"a":{"b":1,"c":{"b":1,"b":1}}}',
    '{"a":1,}\n---\n{"b":2}',
    "{a: 1, 'b': 2}\n---\n{\"c\":3}",
    '{"a":"line\n  break"}',
    '{"a":"\\x41"}',
    '{"a":"\\u00e9\\n\\"\\\\"}',
    '{"a":01}',
    '{"a":+1}',
    '{"a":.5}',
    '{"a":1e3,"b":-0,"c":-1.5E-2,"d":12345678901234567890}',
    '{"a":nulls}',
    '{"a":null,"b":true,"c":false,"d":[],"e":{}}',
    '{"<<":{"a":1},"80":2,"":3,"__proto__":4}',
    '{"a":*b}',
    '{"a":&b 1,"c":*b}',
    '{"a":!!str 1}',
    '["a"]',
    '"a"',
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":"',
    '{"a":"\\',
    '{"a":[1',
    '{"a":[1,]}',
    '\ufeff{"a":1}',
    '%YAML 1.2\n---\n{"a":1}\n',
    `{"a":${"[".repeat(60)}${"]".repeat(60)}}`,
    "",
    "---\n",
  ];
  for (const text of SAME) {
    test(`and what is not quite JSON means what YAML says: ${JSON.stringify(text.slice(0, 40))}`, () => {
      expect(read(both, text)).toEqual(read(yaml, text));
    });
  }

  test("are really read as JSON, and what YAML alone knows is not", () => {
    expect(isReadAsJson('{"a":[1,{"b":"c\\n"}],"d":null}')).toBe(true);
    for (const text of ["{a: 1}", "{'a': 1}", '{"a":1,"a":2}', '{"a":1,}', '{"a":"b\nc"}', '{"a":01}', "[1]"]) {
      expect([text, isReadAsJson(text)]).toEqual([text, false]);
    }
  });
});

test("lines and columns are counted from one, whatever ends the lines", () => {
  const lines = new LineTable("a\nbc\r\n\nd");
  const at = (offset: number) => `${lines.position(offset).line}:${lines.position(offset).col}`;
  expect([0, 1, 2, 3, 4, 5, 6, 7, 8].map(at)).toEqual(["1:1", "1:2", "2:1", "2:2", "2:3", "2:4", "3:1", "4:1", "4:2"]);
});
