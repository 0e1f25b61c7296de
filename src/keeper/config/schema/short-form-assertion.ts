import { choice } from "./collections.ts";
import { accessPattern, assertionSpec } from "./kinds/assertion.ts";
import { text } from "./scalars.ts";
import type { Schema } from "./schema.ts";

const SENTENCE = /^(no )?(\S+) may reach (\S+)(?: with ([A-Z]+)(?: (\/\S*))?)?$/;

/** The parts of an assertion that is written as a sentence, or `undefined` where it is none. */
export function parseSentence(sentence: string) {
  const [, no, from, to, method, path] = SENTENCE.exec(sentence) ?? [];
  if (from === undefined || to === undefined) return undefined;
  const arePatterns = [from, to].every((part) => new RegExp(accessPattern.shape.pattern ?? "").test(part));
  return arePatterns ? { expect: no === undefined ? "allow" : "deny", from, to, method, path } : undefined;
}

const sentence = text({
  what: 'a sentence ("no dev/* may reach prod/*", "prod/web may reach prod/orders with GET /path")',
  code: "SV0319",
  problem: (value) =>
    parseSentence(value) === undefined
      ? {
          message: "is not an assertion",
          hint: 'write "no dev/* may reach prod/*" or "prod/web may reach prod/orders with GET /path"',
        }
      : undefined,
});

/** An item of `assert`: a sentence, or the fields of an Assertion. Only checked here; expansion takes what was written. */
export const assertion: Schema<unknown> = choice<unknown>(
  [
    {
      accepts: (node) => node.type === "map",
      schema: assertionSpec as Schema<unknown>,
      writes: (value) => typeof value === "object",
    },
    { accepts: () => true, schema: sentence as Schema<unknown>, writes: () => true },
  ],
  "a sentence or a mapping",
);
