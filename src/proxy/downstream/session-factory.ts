import type { RequestHead } from "../../wire/http1/head.ts";
import type { HeldRequest } from "../exchange/held-request.ts";
import type { LastingOrigin } from "../exchange/request-origin.ts";
import type { ExternalPort, Target } from "../mesh/destination.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Downstream } from "./downstream.ts";

/** How a session hands a connection over to another protocol. */
export interface SessionFactory {
  /** The endpoint answered 101 to `held`. `early`: what the caller sent behind its request; `rest`: what the endpoint sent behind its answer. */
  upgraded(
    connection: Downstream,
    origin: LastingOrigin,
    held: HeldRequest,
    target: Target,
    upstream: Upstream,
    early: Buffer,
    rest: Uint8Array,
  ): void;
  /** The connection begins with `bytes`, which are no preface of HTTP/2. `inside`: as in FirstBytes. */
  http1(connection: Downstream, inside: string | null, bytes: Buffer): void;
  /** The connection begins with the preface of HTTP/2, which `bytes` hold as far as it has come. `inside`: as in FirstBytes. */
  http2(connection: Downstream, inside: string | null, bytes: Buffer): void;
  /** A CONNECT. `rest`: what came behind its head. */
  connect(connection: Downstream, origin: LastingOrigin, headBytes: Buffer, head: RequestHead, rest: Buffer): void;
  /** A host that nobody declared and ALLOW_ANY lets through; `null`: its name leads nowhere, or where nobody may go. */
  passthrough(
    host: string,
    port: number,
    isTcp: boolean,
    asker: number,
    answer: (port: ExternalPort | null) => void,
  ): void;
}
