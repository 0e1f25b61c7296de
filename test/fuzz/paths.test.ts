import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { RequestHead } from "../../src/wire/http1/head.ts";
import { normalisePath } from "../../src/wire/http1/normalise-path.ts";
import { parseRequestHead } from "../../src/wire/http1/parse-request.ts";
import { reserialise } from "../conformance/garden/reserialise.ts";
import { bytesOf, textOf } from "../conformance/http1/judge.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? 20_000);
const TIMEOUT_MS = 60_000 + RUNS * 50;

const PIECES = [
  "/",
  "/",
  "//",
  ".",
  "..",
  "/.",
  "/..",
  "/../",
  "%2e",
  "%2E",
  "%2f",
  "%2F",
  "%5c",
  "%25",
  "%252e",
  "%00",
  "%c0%ae",
  "%e2%82%ac",
  "%41",
  "%7e",
  "%",
  "%4",
  "\\",
  ";",
  ";a=b",
  "admin",
  "public",
  "a",
  "~",
  "é",
  "\0",
  "#",
  "?",
  "%20",
  ":",
  "@",
];
const hostilePath = fc.array(fc.constantFrom(...PIECES), { maxLength: 12 }).map((pieces) => `/${pieces.join("")}`);
const anyPath = fc.oneof(
  { weight: 5, arbitrary: hostilePath },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 20 }) },
);
const options = fc.constantFrom({}, { allowEncodedSlash: true });

/** RFC 3986 `path-absolute` with no empty, dot or lower-case-escaped segment. */
const NORMAL =
  /^\/(?:(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})+\/)*(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-F]{2})*$/;

function bytesOfEscapes(path: string): string {
  return path.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** How a server finds the file: decode once, then resolve. */
function resolved(path: string): string {
  const kept: string[] = [];
  for (const segment of path.split("/")) {
    if (segment === "..") kept.pop();
    else if (segment !== "" && segment !== ".") kept.push(segment);
  }
  return `/${kept.join("/")}`;
}

function check<T extends unknown[]>(property: fc.IProperty<T>): void {
  fc.assert(property as fc.IProperty<unknown>, { numRuns: RUNS });
}

describe("a normalised path", () => {
  test(
    "stays what it is when it is normalised again, and keeps the grammar",
    () => {
      check(
        fc.property(anyPath, options, (raw, o) => {
          const path = normalisePath(raw, o);
          if (path === null) return;
          expect(normalisePath(path, o)).toBe(path);
          expect(path).toMatch(NORMAL);
          expect(/%(2[DEde]|3[0-9]|4[1-9A-F]|5[0-9AF]|6[1-9A-F]|7[0-9AE])/.test(path)).toBe(false);
          expect(path.split("/").some((segment) => /^\.{1,2}(;|$)/.test(segment))).toBe(false);
        }),
      );
    },
    TIMEOUT_MS,
  );

  test(
    "names the same resource to a server that decodes and resolves it as to a policy that does not",
    () => {
      check(
        fc.property(anyPath, (raw) => {
          const path = normalisePath(raw);
          if (path === null) return;
          const decoded = bytesOfEscapes(path);
          expect(resolved(decoded)).toBe(decoded.replace(/(.)\/$/, "$1"));
          expect(decoded.split("/").length).toBe(path.split("/").length);
          expect(new URL(`http://h${path}`).pathname).toBe(path);
        }),
      );
    },
    TIMEOUT_MS,
  );

  test(
    "of a server that cuts off path parameters does not climb either",
    () => {
      check(
        fc.property(anyPath, (raw) => {
          const path = normalisePath(raw);
          if (path === null) return;
          const withoutParameters = bytesOfEscapes(path).replace(/;[^/]*/g, "");
          expect(withoutParameters.split("/").includes("..")).toBe(false);
        }),
      );
    },
    TIMEOUT_MS,
  );
});

test(
  "a path the parser calls plain is its own normal form",
  () => {
    const head = new RequestHead();
    let plain = 0;
    check(
      fc.property(anyPath, (raw) => {
        const buf = bytesOf(`GET ${raw} HTTP/1.1\r\nHost: a\r\n\r\n`);
        if (parseRequestHead(buf, 0, buf.length, head) <= 0 || !head.isPathPlain) return;
        plain++;
        const path = textOf(buf, head.pathStart, head.pathEnd);
        expect(normalisePath(path)).toBe(path);
      }),
    );
    expect(plain).toBeGreaterThan(RUNS / 100);
  },
  TIMEOUT_MS,
);

test(
  "the path that is judged is the path that is forwarded",
  () => {
    let forwarded = 0;
    check(
      fc.property(anyPath, fc.boolean(), (raw, isAbsolute) => {
        const first = reserialise(`GET ${isAbsolute ? "http://a" : ""}${raw} HTTP/1.1\r\nHost: a\r\n\r\n`);
        if (first.kind !== "forwarded") return;
        forwarded++;
        const target = textOf(first.bytes, 0, first.bytes.length).split(" ")[1]!;
        expect(target.split("?")[0]).toBe(first.request.path);
        expect(first.request.path).toMatch(NORMAL);
      }),
    );
    expect(forwarded).toBeGreaterThan(RUNS / 100);
  },
  TIMEOUT_MS,
);
