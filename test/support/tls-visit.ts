/** A TLS client that keeps and brings session tickets, as an attacker's would. */

import { connect } from "node:tls";
import type { TlsOptions } from "./tls.ts";

/** What came of a visit. */
export interface Visit {
  /** Whether the client's side says that the session was resumed. */
  readonly reused: boolean;
  readonly heard: string;
  readonly tickets: readonly Buffer[];
}

/** Connects with `session` where given, says hello, hears the answer, and leaves. */
export function visit(port: number, options: TlsOptions, session?: Buffer): Promise<Visit> {
  const done = Promise.withResolvers<Visit>();
  const tickets: Buffer[] = [];
  let heard = "";
  let reused = false;
  const offered = session === undefined ? {} : { session };
  const target = { host: "127.0.0.1", port, servername: "localhost", minVersion: "TLSv1.3" as const };
  const socket = connect({ ...options, ...target, ...offered }, () => {
    reused = socket.isSessionReused();
    socket.write("hello");
  });
  socket.on("session", (ticket: Buffer) => tickets.push(ticket));
  socket.on("data", (chunk: Buffer) => {
    heard += chunk.toString("latin1");
    socket.end();
  });
  socket.on("error", () => {});
  socket.on("close", () => done.resolve({ reused, heard, tickets }));
  return done.promise;
}
