import type { JoinRefusal } from "../../identity/join-protocol.ts";

/** Refusals of the join door for the person at the machine that was refused. */
export const REFUSAL_TEXT: Readonly<Record<JoinRefusal, string>> = {
  token_unknown: "it does not know this token; a newer one for the same name may have taken its place",
  token_expired: "the token has expired; ask for a new one: selvedge node invite",
  token_spent: "the token has been used already; if not by this machine, ban the node and look at the audit log",
  token_void: "the token is void, because wrong secrets were tried with it",
  token_busy: "another machine is joining with this token at this moment",
  hardware: "the token is bound to another machine than this one",
  node_unknown: "its documents do not name this node any more",
  node_joined: "a node of this name has joined meanwhile; for another machine invite with --replace",
  request_form: "it does not understand the request; are both of the same version?",
  too_many_tries: "too many tries from this address; wait a minute",
  not_the_root: "it does not hold the site's root, or its keeper does not answer",
  not_issued: "it could not sign a certificate; its log says why",
  not_written: "it could not write down that the token is spent; the token is void now",
  late_unknown: "it has no issuer of this node on record that was signed for this key",
  late_banned: "the node was banned",
  late_not_ended: "the issuer has not ended by its clock",
  late_over: "the issuer ended too long ago",
  late_busy: "it has signed as many issuers for this node as it may for now",
};
