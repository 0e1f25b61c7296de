import type { HeaderModifier } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import type { Rule } from "../object.ts";
import { object, required, withDefault } from "../object.ts";
import type { Schema } from "../schema.ts";
import { editableHeaderName, headerValue } from "./http-values.ts";
import { reportRepeats } from "./repeats.ts";

/** Most entries of each list of a header modifier (Gateway API). */
export const HEADER_EDITS_MAX = 16;

const headerEdit = object("HeaderEdit", {
  name: required(editableHeaderName, "Name of the header; case counts for nothing."),
  value: required(headerValue, "Value of the header."),
});

const headerModifierRule: Rule<HeaderModifier> = {
  says: "Each header is named once.",
  check(value, report) {
    for (const field of ["set", "add"] as const) {
      reportRepeats(value[field], (edit) => edit.name.toLowerCase(), [field], "name", report);
    }
    const elsewhere = new Set(value.set.map((edit) => edit.name.toLowerCase()));
    value.add.forEach((edit, index) => {
      if (elsewhere.has(edit.name.toLowerCase()))
        report(["add", index, "name"], "SV0403", `${edit.name} is set already`);
    });
    for (const edit of value.add) elsewhere.add(edit.name.toLowerCase());
    value.remove.forEach((name, index) => {
      if (elsewhere.has(name.toLowerCase())) report(["remove", index], "SV0403", `${name} is set or added already`);
      elsewhere.add(name.toLowerCase());
    });
  },
};

/** Edits of the headers of a request or a response. */
export const headerModifier: Schema<HeaderModifier> = object(
  "HeaderModifier",
  {
    set: withDefault(
      list(headerEdit, { itemsMax: HEADER_EDITS_MAX }),
      "Headers to write in place of what is there.",
      [],
    ),
    add: withDefault(list(headerEdit, { itemsMax: HEADER_EDITS_MAX }), "Headers to add to what is there.", []),
    remove: withDefault(list(editableHeaderName, { itemsMax: HEADER_EDITS_MAX }), "Headers to remove.", []),
  },
  { rules: [headerModifierRule] },
);
