import type { RequestHead } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";
import { splitAuthority } from "../mesh/authority.ts";
import type { Target } from "../mesh/destination.ts";

/** Lower case, without port and brackets: the common plain name costs one scan. */
export function hostOf(authority: string): string {
  if (authority === "") return "";
  return splitAuthority(authority)?.host ?? "";
}

/** A path in place of the received one, with the query as it came. */
export function withQuery(path: string, bytes: Buffer, head: RequestHead): string {
  return head.queryStart < 0 ? path : `${path}?${latin1(bytes, head.queryStart, head.queryEnd)}`;
}

/** HTTP/1.0 may come without Host; HTTP/1.1 to the endpoint may not. */
export function hostToSend(target: Target, head: RequestHead): string | null {
  if (head.authorityEnd > head.authorityStart) return null;
  return target.port.kind === "service" ? target.port.service.record.host : target.port.host;
}
