import { choice } from "./collections.ts";
import type { ConfigNode } from "./config-node.ts";
import { selectorEntry, selectorLists } from "./kinds/workload.ts";
import { refined } from "./object.ts";
import type { Schema } from "./schema.ts";
import { mapped } from "./schema.ts";
import { selector } from "./selectors.ts";

/** Outer list: any of; inner list: all of. */
export type SelectorLists = readonly (readonly string[])[];

const isList = (node: ConfigNode) => node.type === "list";
const isListOfLists = (node: ConfigNode) => node.type === "list" && node.items[0]?.type === "list";

const loneSelector = refined(selector, {
  says: "`unix:path:` stands only beside another selector.",
  check(value, report) {
    if (value.startsWith("unix:path:")) report([], "SV0308", "unix:path needs another selector beside it");
  },
});

/** `run` of the short form: a selector, a list of selectors that must all hold, or a list of such lists. */
export const run: Schema<SelectorLists> = choice<SelectorLists>(
  [
    { accepts: isListOfLists, schema: selectorLists, writes: (value) => value.length > 1 },
    {
      accepts: isList,
      schema: mapped(
        selectorEntry,
        (all): SelectorLists => [all],
        (value) => value[0] ?? [],
      ),
      writes: (value) => value[0]?.length !== 1,
    },
    {
      accepts: (node) => node.type === "scalar",
      schema: mapped(
        loneSelector,
        (one): SelectorLists => [[one]],
        (value) => value[0]?.[0] ?? "",
      ),
      writes: () => true,
    },
  ],
  "a selector, a list of selectors that must all hold, or a list of such lists",
);
