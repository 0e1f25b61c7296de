import type { RequestHead } from "../../wire/http1/head.ts";
import type { HeldRequest } from "../exchange/held-request.ts";
import type { LastingOrigin } from "../exchange/request-origin.ts";
import type { ExternalPort, Target } from "../mesh/destination.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Connection } from "./connection.ts";

/** How a session hands a connection over to another protocol. */
export interface SessionFactory {
  /** The endpoint answered 101 to `held`. `early`: what the caller sent behind its request; `rest`: what the endpoint sent behind its answer. */
  upgraded(
    connection: Connection,
    origin: LastingOrigin,
    held: HeldRequest,
    target: Target,
    upstream: Upstream,
    early: Buffer,
    rest: Uint8Array,
  ): void;
  /** A CONNECT. `rest`: what came behind its head. */
  connect(connection: Connection, origin: LastingOrigin, headBytes: Buffer, head: RequestHead, rest: Buffer): void;
  /** A host that nobody declared and ALLOW_ANY lets through; `null`: its name leads nowhere, or where nobody may go. */
  passthrough(
    host: string,
    port: number,
    isTcp: boolean,
    asker: number,
    answer: (port: ExternalPort | null) => void,
  ): void;
}
