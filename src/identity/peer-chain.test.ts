import { expect, test } from "bun:test";
import { type LinkedCertificate, peerChain } from "./peer-chain.ts";

const linked = (byte: number, issuerCertificate?: LinkedCertificate): LinkedCertificate => ({
  raw: Uint8Array.of(byte),
  ...(issuerCertificate === undefined ? {} : { issuerCertificate }),
});
const bytesOf = (first: LinkedCertificate | undefined) => peerChain(first).map((der) => der[0]);

test("a chain comes leaf first", () => {
  expect(bytesOf(linked(1, linked(2, linked(3))))).toEqual([1, 2, 3]);
});

test("nothing, and an object without a certificate, are an empty chain", () => {
  expect(bytesOf(undefined)).toEqual([]);
  expect(bytesOf({})).toEqual([]);
  expect(bytesOf(linked(1, {}))).toEqual([1]);
});

test("an end that points at itself, or at a copy of itself, ends the chain", () => {
  const root: { raw: Uint8Array; issuerCertificate?: LinkedCertificate } = { raw: Uint8Array.of(3) };
  root.issuerCertificate = root;
  expect(bytesOf(linked(1, linked(2, root)))).toEqual([1, 2, 3]);
  expect(bytesOf(linked(1, linked(2, linked(3, linked(3)))))).toEqual([1, 2, 3]);
});

test("a circle or an endless chain is cut where it is too long to be believed", () => {
  const second: { raw: Uint8Array; issuerCertificate?: LinkedCertificate } = { raw: Uint8Array.of(2) };
  const first = linked(1, second);
  second.issuerCertificate = first;
  expect(bytesOf(first)).toEqual([1, 2]);
  let long = linked(99);
  for (let byte = 50; byte > 0; byte--) long = linked(byte, long);
  expect(bytesOf(long)).toEqual([1, 2, 3, 4]);
});
