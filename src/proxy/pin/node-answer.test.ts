import { expect, test } from "bun:test";
import { FLAG, RESPONSE_FLAGS } from "../../model/response-flags.ts";
import { METHOD, ResponseHead } from "../../wire/http1/head.ts";
import { parseResponseHead } from "../../wire/http1/parse-response.ts";
import { NodeAnswer } from "./node-answer.ts";

function read(...lines: string[]): NodeAnswer {
  const bytes = Buffer.from(["HTTP/1.1 503 Service Unavailable", "content-length: 0", ...lines, "", ""].join("\r\n"));
  const head = new ResponseHead();
  expect(parseResponseHead(bytes, 0, bytes.length, head, METHOD.GET)).toBeGreaterThan(0);
  const answer = new NodeAnswer();
  answer.read(bytes, head.lines);
  return answer;
}

test("an answer of another node's mesh brings its id and its reason", () => {
  const answer = read("x-selvedge-id: 00c0ffeefffffff0", "X-Selvedge-Reason: RBAC");
  expect([answer.idHigh, answer.idLow, answer.flag]).toEqual([0x00c0ffee, 0xfffffff0, FLAG.RBAC]);
  expect(answer.isUnreached).toBe(false);
});

test("every flag is read as itself, and three of them say that the endpoint was not reached", () => {
  const unreached = RESPONSE_FLAGS.filter((word, at) => {
    const answer = read(`x-selvedge-reason: ${word}`);
    expect(answer.flag).toBe(at);
    return answer.isUnreached;
  });
  expect(unreached).toEqual(["UH", "UF", "LISTENER_MISMATCH"]);
});

test("the endpoint's own answer brings neither", () => {
  const answer = read("x-request-id: 00c0ffee00c0ffee", "x-forwarded-host: RBAC");
  expect([answer.idHigh, answer.idLow, answer.flag]).toEqual([0, 0, 0]);
});

test.each([
  "",
  "0",
  "00C0FFEE00C0FFEE",
  "00c0ffee00c0ffe",
  "00c0ffee00c0ffee0",
  "00c0ffee00c0ff e",
  "g0c0ffee00c0ffee",
])("%j is no id", (id) => {
  const answer = read(`x-selvedge-id: ${id}`, "x-selvedge-reason: NOPE");
  expect([answer.idHigh, answer.idLow, answer.flag]).toEqual([0, 0, 0]);
});

test("what one answer said is forgotten with the next", () => {
  const answer = read("x-selvedge-id: 00c0ffee00c0ffee", "x-selvedge-reason: UH");
  answer.clear();
  expect([answer.idHigh, answer.idLow, answer.flag, answer.isUnreached]).toEqual([0, 0, 0, false]);
});
