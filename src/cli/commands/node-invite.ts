import { askNode } from "../admin-client.ts";
import { CliError, EXIT, type ExitCode } from "../exit-code.ts";
import { findAdminPath } from "../find-node.ts";
import type { NodeOptions } from "../node-options.ts";
import { printJson } from "../output.ts";
import { durationText, parseDuration } from "../units.ts";

interface Invitation {
  readonly token: string;
  readonly node: string;
  readonly address: string;
  readonly expiresAtMs: number;
  readonly ended: number;
  readonly site: string;
}

interface InviteOptions extends NodeOptions {
  readonly valid: string;
  readonly bind?: string;
  readonly address?: string;
  readonly replace?: boolean;
}

/** `selvedge node invite NAME`: the token alone on stdout, what to do with it on stderr. */
export async function nodeInvite(node: string, options: InviteOptions): Promise<ExitCode> {
  const validMs = parseDuration(options.valid);
  if (validMs === undefined) throw new CliError(EXIT.USAGE, "--valid is a time: 15m, 24h, 14d");
  const { bind, address } = options;
  const asked = {
    op: "node-invite",
    node,
    validMs,
    bind: bind?.toLowerCase().startsWith("ek:") ? bind.toLowerCase() : bind,
  };
  const request = { ...asked, address, replace: options.replace === true };
  const invitation = (await askNode(findAdminPath(options, process.env), request)) as Invitation;
  if (options.output === "json") {
    const { token, expiresAtMs } = invitation;
    printJson({ token, node, address: invitation.address, expiry: new Date(expiresAtMs).toISOString() });
  } else process.stdout.write(`${invitation.token}\n`);
  if (options.output !== "json") process.stderr.write(`${advice(invitation, validMs, options).join("\n")}\n`);
  else if (bind !== undefined) process.stderr.write(`${bindingWarning(bind)}\n`);
  return EXIT.OK;
}

/** A binding reads like a proof, and is none: what is compared is what the machine says of itself. */
function bindingWarning(bind: string): string {
  const what = bind.toLowerCase().startsWith("ek:")
    ? "the TPM's certificate is public, and no TPM is asked to prove that it has the key"
    : "a machine says whatever serial number it wants";
  return `WARNING: --bind proves nothing: ${what}; it guards against mistakes, not against thieves (docs/nodes.md)`;
}

function advice({ node, address, ended }: Invitation, validMs: number, { bind, replace }: InviteOptions): string[] {
  return [
    `this token lets one machine join as ${node}, once, within ${durationText(validMs)}; it calls ${address}`,
    ...(bind === undefined ? [] : [`only a machine that shows ${bind} is let in by it`, bindingWarning(bind)]),
    ...(replace === true ? [`when it joins, the keys of the machine that was ${node} are banned`] : []),
    ...(ended > 0 ? [`the token for ${node} from before is void`] : []),
    "there:  selvedge node join TOKEN  and then  selvedge up  with the same documents",
    "whoever has the token can join in its place: carry it by a way that you trust",
  ];
}
