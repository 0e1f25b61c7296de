import type { PathModifier } from "../../../../model/documents.ts";
import type { Rule } from "../object.ts";
import { object, optional, required } from "../object.ts";
import { oneOf, text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { mapped } from "../schema.ts";

const pathText = text({
  what: "a path (printable characters without spaces, query or fragment)",
  pattern: /^[!"$-~]*$/,
  lengthMin: 0,
  lengthMax: 1024,
  code: "SV0313",
  problem: (value) => {
    if (value.includes("?")) return { message: "has a query, expected a path alone" };
    return value === "" || value.startsWith("/") ? undefined : { message: "must be an absolute path" };
  },
});

interface WrittenPath {
  readonly type: "ReplaceFullPath" | "ReplacePrefixMatch";
  readonly replaceFullPath: string | undefined;
  readonly replacePrefixMatch: string | undefined;
}

const pathRule: Rule<WrittenPath> = {
  says: "Exactly the field that `type` names is set.",
  check(value, report) {
    const isFull = value.type === "ReplaceFullPath";
    const [wanted, other] = isFull
      ? (["replaceFullPath", "replacePrefixMatch"] as const)
      : (["replacePrefixMatch", "replaceFullPath"] as const);
    if (value[wanted] === undefined) report([], "SV0416", `${wanted} must be specified when type is ${value.type}`);
    if (value[other] !== undefined)
      report(
        [other],
        "SV0416",
        `type must be ${isFull ? "ReplacePrefixMatch" : "ReplaceFullPath"} when ${other} is specified`,
      );
  },
};

/** What becomes of the path of a request, in a redirect or a rewrite. */
export const pathModifier: Schema<PathModifier> = mapped(
  object(
    "PathModifier",
    {
      type: required(oneOf(["ReplaceFullPath", "ReplacePrefixMatch"]), "What is replaced."),
      replaceFullPath: optional(pathText, "The whole new path."),
      replacePrefixMatch: optional(pathText, "What stands in place of the matched prefix."),
    },
    { rules: [pathRule] },
  ),
  (written): PathModifier =>
    written.type === "ReplaceFullPath"
      ? { type: written.type, replaceFullPath: written.replaceFullPath ?? "" }
      : { type: written.type, replacePrefixMatch: written.replacePrefixMatch ?? "" },
  (model): WrittenPath => ({ replaceFullPath: undefined, replacePrefixMatch: undefined, ...model }),
);
