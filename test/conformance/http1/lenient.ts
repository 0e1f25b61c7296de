/**
 * An HTTP/1.1 reader as careless software writes it: repairs what it can, takes the first thing it understands, and never
 * says no. For tests only: a set of vectors that this reader passes would prove nothing about ours.
 */
import { BODY } from "../../../src/wire/http1/head.ts";
import type { SeenConnection, SeenRequest, SeenResponse } from "./judge.ts";

interface Message {
  readonly first: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly body: string;
  /** Offset behind the message. */
  readonly end: number;
}

/** Any line end will do, folded lines are joined, names are trimmed, `_` is as good as `-`, and the last of a name wins. */
function readHeaders(section: string): Message["headers"] {
  const headers = new Map<string, string>();
  for (const line of section.replace(/\r?\n[ \t]+/g, " ").split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(":", 1);
    if (colon < 0) continue;
    headers.set(line.slice(0, colon).trim().toLowerCase().replaceAll("_", "-"), line.slice(colon + 1).trim());
  }
  return [...headers];
}

function valueIn(headers: Message["headers"], name: string): string | undefined {
  return headers.find((header) => header[0] === name)?.[1];
}

/** Reads chunks as long as there is something like a number. */
function readChunks(text: string, start: number): { body: string; end: number } {
  let body = "";
  let at = start;
  for (;;) {
    const lineEnd = text.indexOf("\n", at);
    if (lineEnd < 0) return { body, end: text.length };
    const size = Number.parseInt(text.slice(at, lineEnd), 16) | 0;
    at = lineEnd + 1;
    if (!(size > 0)) break;
    body += text.slice(at, at + size);
    at += size;
    const next = /^[\r\n]*/.exec(text.slice(at, at + 2))![0].length;
    at += next;
  }
  const end = text.indexOf("\r\n", at);
  return { body, end: end === at || end < 0 ? Math.min(text.length, at + 2) : endOfTrailers(text, at) };
}

function endOfTrailers(text: string, at: number): number {
  const end = text.indexOf("\r\n\r\n", at);
  return end < 0 ? text.length : end + 4;
}

function readMessage(text: string, start: number, withoutBody: boolean): Message {
  const at = start + /^[\r\n]*/.exec(text.slice(start))![0].length;
  const gap = /\r?\n\r?\n/.exec(text.slice(at));
  const headEnd = gap === null ? text.length : at + gap.index;
  const bodyStart = gap === null ? text.length : headEnd + gap[0].length;
  const lineEnd = /\r?\n|\r|$/.exec(text.slice(at, headEnd))!;
  const first = text.slice(at, at + lineEnd.index);
  const headers = readHeaders(text.slice(at + lineEnd.index + lineEnd[0].length, headEnd));
  if (withoutBody) return { first, headers, body: "", end: bodyStart };
  if (valueIn(headers, "transfer-encoding")?.toLowerCase().includes("chunked")) {
    return { first, headers, ...readChunks(text, bodyStart) };
  }
  const length = Number.parseInt(valueIn(headers, "content-length") ?? "0", 10) || 0;
  const end = Math.min(text.length, bodyStart + Math.max(0, length));
  return { first, headers, body: text.slice(bodyStart, end), end };
}

function decodeFully(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Requests until the bytes are used up; what is unfinished is taken as it is. */
export function lenientRequests(bytes: string): SeenConnection {
  const requests: SeenRequest[] = [];
  let at = 0;
  while (at < bytes.length) {
    const message = readMessage(bytes, at, false);
    at = Math.max(message.end, at + 1);
    const [method = "", target = ""] = message.first.trim().split(/\s+/);
    const url = /^(?:[a-z]+:\/\/([^/?]*))?([^?]*)\??(.*)$/i.exec(target);
    requests.push({
      method: method.toUpperCase(),
      authority: valueIn(message.headers, "host") ?? url?.[1] ?? "",
      path: decodeFully(url?.[2] || "/"),
      query: url?.[3] ?? "",
      body: message.body,
      headers: message.headers
        .filter(([name]) => !["host", "content-length", "transfer-encoding", "connection"].includes(name))
        .map(([name, value]) => `${name}: ${value}`),
      trailers: "",
      isUpgrade: valueIn(message.headers, "upgrade") !== undefined,
      expectsContinue: valueIn(message.headers, "expect") !== undefined,
      isKeepAlive: true,
      framing: BODY.NONE,
    });
    if (requests.at(-1)!.isUpgrade || requests.at(-1)!.method === "CONNECT")
      return { requests, end: "tunnel", reason: "" };
  }
  return { requests, end: "complete", reason: "" };
}

/** The first answer that is not interim; framing is believed whatever the request and the status were. */
export function lenientResponse(bytes: string): SeenResponse {
  let at = 0;
  for (;;) {
    const message = readMessage(bytes, at, false);
    const status = Number.parseInt(message.first.split(/\s+/)[1] ?? "", 10) || 200;
    at = message.end;
    if (status >= 100 && status < 200 && at < bytes.length) continue;
    // More bytes are the next answer: kept for the next request.
    return { outcome: "complete", reason: "", status, body: message.body, extraBytes: 0 };
  }
}
