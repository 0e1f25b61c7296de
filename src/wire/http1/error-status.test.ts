import { expect, test } from "bun:test";
import { reasonOfParseError, statusOfParseError } from "./error-status.ts";
import { PARSE_ERROR } from "./head.ts";

test("every error has a word of its own and a status that a client can be told", () => {
  const errors: number[] = Object.values(PARSE_ERROR);
  const words = errors.map(reasonOfParseError);
  expect(new Set(words).size).toBe(errors.length);
  for (const word of words) expect(word).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/);
  for (const error of errors) expect([400, 414, 417, 431, 501, 505]).toContain(statusOfParseError(error));
  expect(words).not.toContain("unknown");
});

test("the contract's statuses belong to their errors", () => {
  const status = (error: keyof typeof PARSE_ERROR): number => statusOfParseError(PARSE_ERROR[error]);
  expect([status("TARGET_TOO_LONG"), status("HEAD_TOO_LARGE"), status("TOO_MANY_HEADERS")]).toEqual([414, 431, 431]);
  expect([status("UNKNOWN_TRANSFER_CODING"), status("UNSUPPORTED_VERSION"), status("BAD_EXPECT")]).toEqual([
    501, 505, 417,
  ]);
  expect([status("LENGTH_AND_CHUNKED"), status("MISSING_HOST"), statusOfParseError(-999)]).toEqual([400, 400, 400]);
});
