/** Texts of HTTP that documents hold: header names and values, methods, paths. */
import { text } from "../scalars.ts";

/** The methods that Gateway API knows. */
export const HTTP_METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

/** A header name (RFC 9110 5.1). */
export const headerName = text({
  what: "a header name",
  pattern: /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  lengthMax: 256,
  code: "SV0314",
});

/** A header value: nothing that could end the line, no spaces around it (RFC 9110 5.5). */
export const headerValue = text({
  what: "a header value (printable ASCII, spaces and tabs inside)",
  pattern: /^[!-~](?:[\t -~]*[!-~])?$/,
  code: "SV0314",
});

/** A value that a header is compared with; may be empty for exact comparison of an empty header. */
export const headerMatchValue = text({ what: "the value to compare with", pattern: /^[\t -~]*$/, code: "SV0314" });

/** A method (RFC 9110 9.1), upper case as all known ones are. */
export const httpMethodToken = text({
  what: "an HTTP method in upper case",
  pattern: /^[A-Z][A-Z0-9!#$%&'*+\-.^_`|~]*$/,
  lengthMax: 32,
});

/** An absolute path of a request, without query. */
export const requestPath = text({
  what: "an absolute path",
  pattern: /^\/[!-~]*$/,
  lengthMax: 1024,
  code: "SV0313",
  problem: (value) => (/[?#]/.test(value) ? { message: "has a query or fragment, expected a path alone" } : undefined),
});

/** Lower-case names of the lines that frame a message or carry identity: only the mesh writes them. */
const OWNED = new Set([
  "connection",
  "content-length",
  "expect",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "x-forwarded-client-cert",
  "x-forwarded-for",
  "x-forwarded-host",
  "x-forwarded-port",
  "x-forwarded-proto",
]);

/** A name that a filter may set, add or remove. */
export const editableHeaderName = text({
  what: "a header name",
  pattern: /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  lengthMax: 256,
  code: "SV0314",
  problem: (value) => {
    const name = value.toLowerCase();
    if (name === "host")
      return { message: "is set by URLRewrite", code: "SV0315", hint: "use a URLRewrite filter with hostname" };
    const isOwned = OWNED.has(name) || name.startsWith("x-selvedge-");
    return isOwned ? { message: "is written by the mesh alone", code: "SV0315" } : undefined;
  },
});
