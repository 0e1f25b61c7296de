import { expect, test } from "bun:test";
import fc from "fast-check";
import { packFields, textField, unpackFields } from "./fields.ts";
import {
  decodeIssueReply,
  decodeIssueRequest,
  encodeIssueReply,
  encodeIssueRequest,
  ISSUE_BYTES_MAX,
  type IssueReply,
  type IssueRequest,
  SVIDS_MAX,
} from "./issue-protocol.ts";

const bytes = (...values: number[]) => Uint8Array.from(values);
const signer = { certificate: bytes(1, 2), key: bytes(3) };
const challenge = new Uint8Array(32);

const REQUESTS: readonly IssueRequest[] = [
  { kind: "root", trustDomain: "site-a.example", nowMs: 1_790_000_000_000 },
  { kind: "issuer", signer, node: "till-1", nowMs: 5 },
  { kind: "ask", trustDomain: "site-a.example", node: "till-1", challenge },
  { kind: "sign", signer, node: "till-1", challenge, request: bytes(9), nowMs: 5 },
  { kind: "svids", signer, ids: ["spiffe://site-a.example/ns/prod/sa/web", "x"], nowMs: 0 },
];

const REPLIES: readonly IssueReply[] = [
  { kind: "issued", issued: [{ certificate: bytes(1), key: bytes(2) }] },
  { kind: "issued", issued: [{ certificate: bytes(1), key: bytes() }] },
  { kind: "asked", key: bytes(1), request: bytes(2, 3) },
  { kind: "refused", problem: "signer_time" },
];

test.each(REQUESTS)("a request of kind $kind comes back", (request) => {
  expect(decodeIssueRequest(encodeIssueRequest(request))).toEqual(request);
});

test.each(REPLIES)("a reply of kind $kind comes back", (reply) => {
  expect(decodeIssueReply(encodeIssueReply(reply))).toEqual(reply);
});

test.each(REQUESTS)("a request of kind $kind with a field more or less is none", (request) => {
  const fields = unpackFields(encodeIssueRequest(request)) ?? [];
  // The list of IDs may have any length from one up, so that one is tried at its shortest.
  const least = request.kind === "svids" ? fields.slice(0, 5) : fields.slice(0, -1);
  expect(decodeIssueRequest(packFields(least))).toBeUndefined();
  if (request.kind !== "svids") expect(decodeIssueRequest(packFields([...fields, bytes()]))).toBeUndefined();
});

test("other names, kinds and values are refused", () => {
  const request = (...fields: string[]) => decodeIssueRequest(packFields(fields.map(textField)));
  expect(request("selvedge-issue-v1", "root", "td", "5")).toEqual({ kind: "root", trustDomain: "td", nowMs: 5 });
  expect(request("selvedge-issue-v2", "root", "td", "5")).toBeUndefined();
  expect(request("selvedge-issue-v1", "leaf", "td", "5")).toBeUndefined();
  expect(request("selvedge-issue-v1", "root", "td", "05")).toBeUndefined();
  expect(request("selvedge-issue-v1", "root", "t\nd", "5")).toBeUndefined();
  expect(decodeIssueRequest(new Uint8Array(ISSUE_BYTES_MAX + 1))).toBeUndefined();
  const many = { kind: "svids", signer, ids: Array.from({ length: SVIDS_MAX + 1 }, () => "x"), nowMs: 0 } as const;
  expect(decodeIssueRequest(encodeIssueRequest(many))).toBeUndefined();
  const reply = (...fields: string[]) => decodeIssueReply(packFields(fields.map(textField)));
  expect(reply("selvedge-issue-v1", "issued")).toBeUndefined();
  expect(reply("selvedge-issue-v1", "issued", "certificate")).toBeUndefined();
  expect(reply("selvedge-issue-v1", "refused", "because")).toBeUndefined();
  expect(reply("selvedge-issue-v1", "asked", "key")).toBeUndefined();
});

test("noise is refused and never throws", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 80 }), (noise) => {
      expect(decodeIssueRequest(noise)).toBeUndefined();
      expect(decodeIssueReply(noise)).toBeUndefined();
    }),
    { numRuns: 500 },
  );
});
