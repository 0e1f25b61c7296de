/**
 * The founding child: makes a site with a root of its own in a state directory, and is gone. For a node alone, whose keeper
 * then never loads what it needs for keys. Arguments: state directory, trust domain, node, time in ms since 1970.
 *
 * Exit 0 where there is a site now; 1 with a line on stderr where there is none.
 */
import { performIssue } from "../../identity/issue.ts";
import { foundSite } from "../identity/found-site.ts";
import { IdentityStore } from "../identity/identity-store.ts";

try {
  const [statePath = "", trustDomain = "", node = "", nowMs = ""] = process.argv.slice(2);
  await foundSite(new IdentityStore(statePath, process.env), performIssue, { trustDomain, node, nowMs: Number(nowMs) });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
