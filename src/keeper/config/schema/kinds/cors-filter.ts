import type { CorsFilter } from "../../../../model/documents.ts";
import { list } from "../collections.ts";
import type { Rule } from "../object.ts";
import { object, withDefault } from "../object.ts";
import { boolean, integer, oneOf, text } from "../scalars.ts";
import type { Schema } from "../schema.ts";
import { HTTP_METHODS } from "./http-values.ts";

/** Most origins and header names of a CORS filter (Gateway API). */
export const CORS_ITEMS_MAX = 64;

/** Longest time that a browser may keep a preflight answer: a day. Browsers cut it to two hours or a day themselves. */
export const CORS_MAX_AGE_SECONDS_MAX = 86_400;

const origin = text({
  what: 'an origin (scheme://host[:port], host may start with "*."), or "*"',
  pattern: /^(?:\*|https?:\/\/(?:\*|(?:\*\.)?[a-z0-9](?:[-a-z0-9.]*[a-z0-9])?)(?::[0-9]{1,5})?)$/,
  lengthMax: 253,
});

const headerNameOrAny = text({
  what: 'a header name, or "*"',
  pattern: /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/,
  lengthMax: 256,
});

const wildcardRule: Rule<CorsFilter> = {
  says: "`*` stands alone in its list.",
  check(value, report) {
    for (const field of ["allowOrigins", "allowMethods", "allowHeaders"] as const) {
      const items = value[field];
      items.forEach((item, index) => {
        if (items.indexOf(item) !== index) report([field, index], "SV0403", `${item} stands in the list already`);
      });
      if (items.includes("*") && items.length > 1) {
        report([field], "SV0401", `${field} cannot contain '*' alongside other values`);
      }
    }
  },
};

/** Cross-origin resource sharing, as browsers ask for it. */
export const corsFilter: Schema<CorsFilter> = object(
  "HTTPCORSFilter",
  {
    allowOrigins: withDefault(list(origin, { itemsMax: CORS_ITEMS_MAX }), "Origins that may read responses.", []),
    allowCredentials: withDefault(boolean, "Whether requests may carry credentials.", false),
    allowMethods: withDefault(list(oneOf([...HTTP_METHODS, "*"]), { itemsMax: 9 }), "Methods that may be used.", []),
    allowHeaders: withDefault(
      list(headerNameOrAny, { itemsMax: CORS_ITEMS_MAX }),
      "Headers that requests may carry.",
      [],
    ),
    exposeHeaders: withDefault(
      list(headerNameOrAny, { itemsMax: CORS_ITEMS_MAX }),
      "Headers that scripts may read.",
      [],
    ),
    maxAge: withDefault(
      integer(1, CORS_MAX_AGE_SECONDS_MAX),
      "How long a preflight answer may be kept, in seconds.",
      5,
    ),
  },
  { rules: [wildcardRule] },
);
