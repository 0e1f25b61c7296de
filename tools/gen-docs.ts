/** Writes the documents that are made from declarations: `sh scripts/with-bun.sh tools/gen-docs.ts`. */
import { join } from "node:path";
import { jsonSchema } from "../src/keeper/config/schema/json-schema.ts";
import { errorsMarkdown, referenceMarkdown } from "../src/keeper/config/schema/reference.ts";

/** Path from the root of the repository -> text. */
export function generatedDocs(): ReadonlyMap<string, string> {
  return new Map([
    ["docs/reference.md", referenceMarkdown()],
    ["docs/errors.md", errorsMarkdown()],
    ["docs/selvedge.schema.json", `${JSON.stringify(jsonSchema(), null, 1)}\n`],
  ]);
}

if (import.meta.main) {
  for (const [path, text] of generatedDocs()) await Bun.write(join(import.meta.dir, "..", path), text);
}
