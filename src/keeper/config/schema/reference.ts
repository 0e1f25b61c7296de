/** `docs/reference.md` and `docs/errors.md` as text, made from the declarations. */
import { ERROR_TABLE } from "../../../model/error-table.ts";
import type { Plain } from "./config-node.ts";
import type { KindDeclaration } from "./kind.ts";
import { KINDS, UNSUPPORTED_KINDS } from "./kinds.ts";
import type { FieldShape, ObjectShape, Shape } from "./shape.ts";
import { shortForm } from "./short-form.ts";

const NOTE = "Made from the declarations in `src/keeper/config/schema/` by `tools/gen-docs.ts`; do not edit.";

/** Every kind and field: type, default, range, meaning. */
export function referenceMarkdown(): string {
  const shown = new Set<string>();
  const metadata = KINDS[0]!.metadata.shape;
  const sections = [
    ...KINDS.map((declaration) => kindSection(declaration, shown)),
    objectSections(metadata, "Fields of `metadata`, the same for every kind.", shown, "## Metadata"),
    objectSections(shortForm.shape, SHORT_FORM, shown, "## The short form"),
    UNSUPPORTED,
    ...Object.entries(UNSUPPORTED_KINDS).map(([kind, reason]) => `| \`${kind}\` | ${reason} |`),
  ];
  return `${INTRODUCTION}\n${kindList()}\n\n${sections.join("\n")}\n`;
}

const INTRODUCTION = `# Configuration reference

${NOTE}

Documents are YAML 1.2 or JSON, one or many to a file, \`kind: List\` included. Unknown fields are errors everywhere, fields that
are valid upstream and have no effect here too; \`status\` and what a Kubernetes API server adds to \`metadata\` are passed over.
A key without a value is an error: write \`[]\` or \`{}\`, or remove it. Durations are numbers with units, largest first
(\`1h30m\`, \`10s\`, \`500ms\`); \`0s\` disables. What each error code means is in [errors.md](errors.md); an editor can check files with
[selvedge.schema.json](selvedge.schema.json).
`;

const SHORT_FORM = `One document with \`mesh\` and without \`kind\`. \`selvedge expand\` prints the documents that it stands for: a Site, and for each
service a Workload (or one for each version), a Service, with \`versions\` or \`timeout\` an HTTPRoute (a TCPRoute for \`tcp\`), and
with \`allow\` an AuthorizationPolicy. Workloads carry the labels \`app\` and \`version\`.`;

const UNSUPPORTED = `## Kinds that are not supported

| kind | instead |
|---|---|`;

function kindList(): string {
  const links = KINDS.map(({ kind }) => `[${kind}](#${kind.toLowerCase()})`);
  return `${links.join(", ")}, [metadata](#metadata), [the short form](#the-short-form).`;
}

function kindSection(declaration: KindDeclaration, shown: Set<string>): string {
  const { kind, apiVersions, doc, spec, isSpecRequired } = declaration;
  const versions = apiVersions.map((version) => `\`${version}\``).join(", ");
  const text = `${doc}\n\napiVersion: ${versions}. ${isSpecRequired ? "`spec` is required." : "`spec` may be left out."}`;
  return objectSections(spec, text, shown, `## ${kind}`);
}

/** The object's own section, then those of the objects in it that were not shown before. */
function objectSections(shape: ObjectShape, text: string, shown: Set<string>, heading: string): string {
  shown.add(shape.name);
  const own = `${heading}\n\n${text}\n\n${objectTable(shape)}`;
  const below = nestedObjects(shape)
    .filter((nested) => !shown.has(nested.name))
    .map((nested) => (shown.has(nested.name) ? "" : objectSections(nested, "", shown, `### ${nested.name}`)));
  return [own.replace(/\n{3,}/g, "\n\n"), ...below].join("\n");
}

function objectTable(shape: ObjectShape): string {
  const rows = Object.entries(shape.fields).map(([name, field]) => fieldRow(name, field));
  const rules = shape.rules.map((rule) => `- ${rule}`);
  const unsupported = Object.keys(shape.unsupported).map((name) => `\`${name}\``);
  return [
    "| field | type | default | meaning |",
    "|---|---|---|---|",
    ...rows,
    ...(rules.length === 0 ? [] : ["", ...rules]),
    ...(unsupported.length === 0 ? [] : ["", `Not supported: ${unsupported.join(", ")}.`]),
    "",
  ].join("\n");
}

function fieldRow(name: string, field: FieldShape): string {
  const cells = [`\`${name}\``, typeText(field.shape), field.isRequired ? "required" : defaultText(field), field.doc];
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}

function defaultText({ shownDefault, shape }: FieldShape): string {
  if (shownDefault === undefined) return "–";
  const isSentence = typeof shownDefault === "string" && (shape.type !== "text" || shownDefault.includes(" "));
  return isSentence ? shownDefault : `\`${plainText(shownDefault)}\``;
}

function plainText(value: Plain): string {
  return typeof value === "string" && value !== "" ? value : JSON.stringify(value);
}

function typeText(shape: Shape): string {
  switch (shape.type) {
    case "text":
      return shape.values === undefined ? shape.what : shape.values.map((value) => `\`${value}\``).join(", ");
    case "integer":
    case "number":
      return shape.values?.join(", ") ?? `${shape.type}, ${shape.minimum} to ${shape.maximum}`;
    case "boolean":
      return "`true` or `false`";
    case "list":
      return `list of ${boundsText(shape.itemsMin, shape.itemsMax)}: ${typeText(shape.items)}`;
    case "map":
      return `mapping from ${shape.keys.what} (${shape.itemsMax} at most) to ${typeText(shape.values)}`;
    case "object":
      return `[${shape.name}](#${anchorOf(shape.name)})`;
    case "choice":
      return shape.options.map(typeText).join("; or ");
  }
}

/** The heading of an object: a kind's own for its spec. */
function anchorOf(name: string): string {
  const declaration = KINDS.find(({ spec }) => spec.name === name);
  return (declaration?.kind ?? name).toLowerCase();
}

function boundsText(itemsMin: number, itemsMax: number): string {
  return itemsMin === itemsMax ? `exactly ${itemsMin}` : `${itemsMin} to ${itemsMax}`;
}

/** Objects that are named in the table of a shape, in order. */
function nestedObjects(shape: ObjectShape): ObjectShape[] {
  const found: ObjectShape[] = [];
  const visit = (inner: Shape): void => {
    if (inner.type === "object") found.push(inner);
    if (inner.type === "list") visit(inner.items);
    if (inner.type === "map") visit(inner.values);
    if (inner.type === "choice") inner.options.forEach(visit);
  };
  for (const field of Object.values(shape.fields)) visit(field.shape);
  return found;
}

/** The table of error codes. */
export function errorsMarkdown(): string {
  const groups = ERROR_TABLE.map(({ title, codes }) => {
    const rows = Object.entries(codes).map(([code, entry]) =>
      `| ${code} | ${entry.severity} | ${entry.title} | ${entry.fix} |`.replaceAll("\n", " "),
    );
    return [
      `## ${title}`,
      "",
      "| code | severity | what is wrong | what to do |",
      "|---|---|---|---|",
      ...rows,
      "",
    ].join("\n");
  });
  return `${ERRORS_INTRODUCTION}\n${groups.join("\n")}`;
}

const ERRORS_INTRODUCTION = `# Error codes

Made from the tables in \`src/model/\` by \`tools/gen-docs.ts\`; do not edit.

\`selvedge check\`, \`up\` and \`apply\` print every problem as \`file:line:col  severity  code  message\`, with a hint on a line of its own
where there is one. A configuration with an error is not served; the one before stays in force.
`;
