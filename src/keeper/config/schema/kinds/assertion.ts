import { map } from "../collections.ts";
import { asWritten, declareKind } from "../kind.ts";
import { object, optional, required, withDefault } from "../object.ts";
import { oneOf, text } from "../scalars.ts";
import { headerName, headerValue, httpMethodToken, requestPath } from "./http-values.ts";

/** `namespace/name` with `*` for either part. */
export const accessPattern = text({
  what: 'namespace/name, with "*" for either part',
  pattern: /^(?:\*|[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?)\/(?:\*|[A-Za-z0-9._-]+)$/,
  lengthMax: 320,
  code: "SV0319",
});

/** Fields of an assertion; the short form has the same. */
export const assertionSpec = object("AssertionSpec", {
  expect: required(oneOf(["allow", "deny"]), "What must hold for every pair that the two patterns name."),
  from: required(accessPattern, "Callers: `namespace/serviceAccount`, either part may be `*`."),
  to: required(accessPattern, "Destinations: `namespace/service`, either part may be `*`."),
  method: optional(httpMethodToken, "Method of the request in question.", "GET for allow, any for deny"),
  path: optional(requestPath, "Path of the request in question.", "/ for allow, any for deny"),
  headers: withDefault(map(headerName, headerValue, 16), "Headers of the request in question.", {}),
});

/** A fact about access that every accepted configuration must satisfy. */
export const assertionKind = declareKind({
  kind: "Assertion",
  apiVersions: ["selvedge/v1"],
  doc: "A fact about access that must hold; a change that breaks it is refused.",
  spec: assertionSpec,
  toModel: asWritten,
  toFile: asWritten,
});
