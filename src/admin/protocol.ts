/**
 * The admin socket's protocol: the client sends one line of JSON, `{"op":…}`, and reads lines until the server ends the
 * connection. `{"item":…}` any number of times, then `{"result":…}` or `{"error":…}` once.
 */

/** Longest request. Reason: `apply` carries the documents. */
export const REQUEST_BYTES_MAX = 16 * 1024 * 1024;

/** Longest request of any other operation. */
export const SMALL_REQUEST_BYTES_MAX = 64 * 1024;

/** Connections at a time. Reason: operators and their scripts on one machine. */
export const CONNECTIONS_MAX = 32;

/** A client must have sent its request by then. */
export const REQUEST_TIMEOUT_MS = 10_000;

/** Bytes that may wait for a client that does not read; a stream then waits, a client of that kind is cut off. */
export const RESPONSE_WAITING_BYTES_MAX = 1024 * 1024;

/** Longest path of a unix socket, from its address structure in the kernel. */
export const SOCKET_PATH_BYTES_MAX = 107;

/** What went wrong with a request: the caller's mistake, a refusal, or something that is not there. */
export type AdminErrorCode = "bad_request" | "forbidden" | "refused" | "not_found" | "internal";

/** A failure that the client is told. */
export class AdminError extends Error {
  override readonly name = "AdminError";
  readonly code: AdminErrorCode;
  /** Further facts for the client, such as issues. */
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: AdminErrorCode, message: string, details: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.code = code;
    this.details = details;
  }
}

/** A line from the server. */
export type AdminLine =
  | { readonly item: unknown }
  | { readonly result: unknown }
  | { readonly error: { readonly code: AdminErrorCode; readonly message: string } };
