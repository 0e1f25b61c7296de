import { BAN_REASON_LENGTH_MAX, reasonLength } from "../identity/bans.ts";
import type { Keeper } from "../keeper/keeper.ts";
import type { HardwareBinding } from "../keeper/nodes/invite.ts";
import type { NodeRow } from "../keeper/nodes/node-rows.ts";
import { NodesError } from "../keeper/nodes/nodes-host.ts";
import type { AdminCall } from "./admin-server.ts";
import { AdminError } from "./protocol.ts";
import { integerOf, optionalTexts, textOf } from "./request-fields.ts";

/** Longest validity that a request may name; what is too long is said by the node in words. */
const VALID_MS_MAX = 366 * 86_400_000;

/** `node invite`: a token, once. */
export function inviteNode(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  return toldLater(async () => {
    const live = await keeper.nodes.untilLive();
    const invitation = live.invite({
      node: textOf(request, "node"),
      validMs: integerOf(request, "validMs", 0, VALID_MS_MAX, 900_000),
      binding: bindingOf(request["bind"]),
      isReplacing: request["replace"] === true,
      address: optionalTexts(request, ["address"]).address,
    });
    return { ...invitation, site: keeper.facts.site?.name ?? "" };
  });
}

/** `node ls`. */
export function listNodes(keeper: Keeper): unknown {
  return told(() => keeper.nodes.live.list());
}

/** What `status` tells of the nodes; nothing where this node reaches no others. */
export function nodesStatus(keeper: Keeper): readonly NodeRow[] {
  try {
    return keeper.nodes.live.list();
  } catch (error) {
    if (error instanceof NodesError) return [];
    throw error;
  }
}

/** `node ban`. */
export function banNode(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  const reason = textOf(request, "reason");
  if (!/^[\x20-\x7e]*$/.test(reason)) throw new AdminError("bad_request", "a reason is printable ASCII");
  const length = reasonLength(reason);
  if (length > BAN_REASON_LENGTH_MAX) {
    const counted = `this one has ${length}, with " and \\ counted twice`;
    throw new AdminError("bad_request", `a reason has up to ${BAN_REASON_LENGTH_MAX} characters: ${counted}`);
  }
  return toldLater(() => keeper.nodes.live.ban(textOf(request, "node"), reason));
}

/** `node unban`. */
export function unbanNode(keeper: Keeper, { request }: AdminCall): Promise<unknown> {
  return toldLater(() => keeper.nodes.live.unban(textOf(request, "node")));
}

function bindingOf(value: unknown): HardwareBinding | null {
  if (value === undefined || value === null) return null;
  const text = typeof value === "string" ? value : "";
  const [, kind, rest = ""] = /^(serial|ek):(.+)$/.exec(text) ?? [];
  const isRight =
    kind === "ek" ? /^[0-9a-f]{64}$/.test(rest) : /^[\x21-\x7e](?:[\x20-\x7e]{0,62}[\x21-\x7e])?$/.test(rest);
  if (kind === undefined || !isRight) {
    throw new AdminError("bad_request", "a token is bound to serial:NUMBER, or to ek:SHA256 in 64 hexadecimal digits");
  }
  return { kind: kind === "ek" ? "ek" : "serial", value: rest };
}

function told<Result>(work: () => Result): Result {
  try {
    return work();
  } catch (error) {
    throw error instanceof NodesError ? new AdminError("refused", error.message, { hint: error.hint }) : error;
  }
}

async function toldLater<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof NodesError ? new AdminError("refused", error.message, { hint: error.hint }) : error;
  }
}
