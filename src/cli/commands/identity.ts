import type { CertificateRow, IdentityDescription } from "../../keeper/identity/describe-identity.ts";
import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { colour, printJson, printLines } from "../output.ts";
import { printable, tableLines } from "../table.ts";
import { secondsText } from "../units.ts";

/** `selvedge identity list`. */
export async function identityList(options: NodeOptions): Promise<ExitCode> {
  const answer = (await askNode(findAdminPath(options, process.env), { op: "identity-list" })) as IdentityDescription;
  show(answer, options);
  return EXIT.OK;
}

/** `selvedge identity show NAME`: the fields, and the chain as PEM. */
export async function identityShow(name: string, options: NodeOptions): Promise<ExitCode> {
  const request = { op: "identity-show", name };
  const answer = (await askNode(findAdminPath(options, process.env), request)) as CertificateRow & {
    readonly chain: readonly string[];
  };
  const pem = answer.chain.map(pemOf).join("");
  if (options.output === "json") printJson({ ...answer, chain: undefined, pem });
  else {
    const { chain, ...fields } = answer;
    const width = Math.max(...Object.keys(fields).map((field) => field.length));
    printLines(Object.entries(fields).map(([field, value]) => `${field.padEnd(width)}  ${printable(String(value))}`));
    process.stdout.write(pem);
  }
  return EXIT.OK;
}

interface RotateOptions extends NodeOptions {
  readonly svids?: boolean;
  readonly issuer?: boolean;
  readonly root?: boolean;
  readonly compromised?: boolean;
  readonly wait?: boolean;
}

/** Between two looks of `--wait`. Reason: a change of root takes half a minute at least. */
const WAIT_LOOK_MS = 1_000;

/** `selvedge identity rotate [--svids|--issuer|--root [--compromised] [--wait]]`. */
export async function identityRotate(options: RotateOptions): Promise<ExitCode> {
  const chosen = (["svids", "issuer", "root"] as const).filter((what) => options[what] === true);
  const [what = "svids", ...more] = chosen;
  if (more.length > 0) throw new CliError(EXIT.USAGE, "one of --svids, --issuer and --root");
  if (options.compromised === true && what !== "root") throw new CliError(EXIT.USAGE, "--compromised goes with --root");
  const admin = findAdminPath(options, process.env);
  const request = { op: "identity-rotate", what, isCompromised: options.compromised === true };
  let answer = (await askNode(admin, request)) as IdentityDescription;
  while (options.wait === true && answer.rootChange !== "steady") {
    await Bun.sleep(WAIT_LOOK_MS);
    answer = (await askNode(admin, { op: "identity-list" })) as IdentityDescription;
  }
  show(answer, options);
  return EXIT.OK;
}

function show(identity: IdentityDescription, options: NodeOptions): void {
  if (options.output === "json") printJson(identity);
  else printLines(identityLines(identity));
}

/** What a person needs to see. */
export function identityLines(identity: IdentityDescription): string[] {
  const { trustDomain, node, holdsRoot, bundleSequence, banned, rootChange, clock } = identity;
  const notes = [
    ...(clock === null
      ? []
      : [`the wall clock is not followed: ${clock}; certificates are judged by ${identity.judgedTime}`]),
    ...(rootChange === "steady" ? [] : [`the root is being changed: ${rootChange}`]),
    ...identity.troubles.map(({ what, reason }) => `${what}: ${reason}`),
  ];
  return [
    `${trustDomain} / ${node}   ${holdsRoot ? "holds the site's root" : "let in by the root's node"}   bundle ${bundleSequence}   banned keys ${banned.length}${banned.length === 0 ? "" : ` (the list is ${Math.ceil((100 * identity.bansBytes) / identity.bansBytesMax)} % full)`}`,
    ...notes.map((note) => colour.yellow(`! ${printable(note)}`)),
    "",
    ...certificateLines(identity.certificates),
    ...(identity.stops.length === 0 ? [] : ["", colour.bold("IF NOBODY IS MET FROM NOW ON, THIS STOPS")]),
    ...tableLines(
      [{ title: "WHAT" }, { title: "WHEN" }],
      identity.stops.map(({ what, at }) => [what, secondsText(at)]),
    ).slice(identity.stops.length === 0 ? 1 : 0),
  ];
}

function certificateLines(certificates: readonly CertificateRow[]): string[] {
  const columns = ["NAME", "STATE", "UNTIL", "RENEWED AT", "SERIAL", "KEY", "ID"].map((title) => ({ title }));
  const rows = certificates.map((one) => [
    one.name,
    one.state,
    secondsText(one.notAfter),
    secondsText(one.renewAt ?? "-"),
    one.serial.slice(0, 12),
    one.keyHash.slice(0, 12),
    one.id,
  ]);
  return tableLines(columns, rows, (cell, _row, column) =>
    column === 1 && cell !== "valid" ? colour.red(cell) : cell,
  );
}

function pemOf(base64: string): string {
  const lines = base64.match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}
