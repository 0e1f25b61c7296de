/** What a node gives another the number of, and what that one makes of it. */
import { describe, expect, test } from "bun:test";
import { SERIES_NUMBERS } from "../../telemetry/id-series.ts";
import { RandomPool } from "../../telemetry/random-pool.ts";
import { HEADER_LINES_MAX, RequestHead } from "../../wire/http1/head.ts";
import { parseRequestHead } from "../../wire/http1/parse-request.ts";
import { RequestHeadPlan, writeRequestHead } from "../exchange/request-head.ts";
import { ReceivedIds } from "./received-ids.ts";

const ROOM_BYTES = 16_384;
const NUMBERED = ["x-selvedge-ids: 0123456789abcdef0123456789abcdef", "x-selvedge-ids-at: 07"];

interface Message {
  readonly bytes: Buffer;
  readonly head: RequestHead;
}

/** A head in a buffer that has room behind it. */
function parsed(text: string, room = ROOM_BYTES): Message {
  const bytes = Buffer.alloc(text.length + room, 0x7e);
  bytes.write(text, "latin1");
  const head = new RequestHead();
  expect(parseRequestHead(bytes, 0, text.length, head)).toBe(text.length);
  return { bytes, head };
}

const request = (...lines: readonly string[]) => ["GET / HTTP/1.1", "host: a", ...lines, "", ""].join("\r\n");
const written = ({ bytes, head }: Message) => bytes.toString("latin1", 0, head.end);
const lineOf = ({ head, bytes }: Message, name: string) => {
  for (let i = 0; i < head.lines.count; i++) {
    if (bytes.toString("latin1", head.lines.nameStart[i]!, head.lines.nameEnd[i]!) === name) return i;
  }
  return -1;
};

function received(text: string, room = ROOM_BYTES): Message {
  const message = parsed(text, room);
  const at = [lineOf(message, "x-selvedge-ids"), lineOf(message, "x-selvedge-ids-at")] as const;
  new ReceivedIds().writeOut(message.head, message.bytes, ...at);
  return message;
}

describe("ids that were given a number", () => {
  test("are written out as the node that numbered them would have, of one series after the other", () => {
    const pool = new RandomPool((into) => crypto.getRandomValues(into));
    const ids = new ReceivedIds();
    const plan = new RequestHeadPlan();
    plan.numbersIds = true;
    const from = parsed(request());
    const seen = new Set<string>();
    const count = SERIES_NUMBERS + 10;
    for (let i = 0; i < count; i++) {
      const bytes = Buffer.alloc(1024);
      const end = writeRequestHead(bytes, 0, from.bytes, from.head, plan, pool);
      const head = new RequestHead();
      expect(parseRequestHead(bytes, 0, end, head)).toBe(end);
      ids.writeOut(head, bytes, 1, 2);
      const ours = plan.generated.toString("latin1");
      expect(bytes.toString("latin1", end - 2, head.end)).toBe(
        `traceparent: ${ours.slice(0, 55)}\r\nx-request-id: ${ours.slice(55)}\r\n\r\n`,
      );
      seen.add(ours);
    }
    expect(seen.size).toBe(count);
  });
  test("stand in the index as if they had come last", () => {
    const message = received(request("x: 1", ...NUMBERED));
    const again = parsed(written(message));
    const { lines } = message.head;
    expect(lines.count).toBe(6);
    for (const name of ["kind", "nameStart", "nameEnd", "valueStart", "valueEnd", "nominated"] as const)
      expect([...lines[name].subarray(0, 6)]).toEqual([...again.head.lines[name].subarray(0, 6)]);
  });
});

test("ids are given a number only for another node, and only where both are made here", () => {
  const pool = new RandomPool((into) => crypto.getRandomValues(into));
  const traceparent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const namesIn = (numbersIds: boolean, ...lines: readonly string[]) => {
    const plan = new RequestHeadPlan();
    plan.numbersIds = numbersIds;
    const { bytes, head } = parsed(request(...lines));
    const into = Buffer.alloc(1024);
    const text = into.toString("latin1", 0, writeRequestHead(into, 0, bytes, head, plan, pool));
    return [...text.matchAll(/^(?!host)([a-z-]+): /gm)].map(([, name]) => name).toSorted();
  };
  const ids = ["traceparent", "x-request-id"];
  expect(namesIn(true)).toEqual(["x-selvedge-ids", "x-selvedge-ids-at"]);
  expect(namesIn(false)).toEqual(ids);
  expect(namesIn(true, traceparent)).toEqual(ids);
  expect(namesIn(true, "x-request-id: 4711")).toEqual(ids);
  expect(namesIn(true, "connection: upgrade", "upgrade: websocket")).toEqual([
    "connection",
    "traceparent",
    "upgrade",
    "x-request-id",
  ]);
});

describe("nothing is added", () => {
  const untouched: readonly (readonly [what: string, text: string, room?: number])[] = [
    ["to a head with a traceparent", request(...NUMBERED, "traceparent: x")],
    ["to a head with a request id", request("x-request-id: x", ...NUMBERED)],
    ["to one that asks for a WebSocket", request(...NUMBERED, "connection: upgrade", "upgrade: websocket")],
    [
      "to a CONNECT",
      request(...NUMBERED)
        .replace("GET / ", "CONNECT a:80 ")
        .replace("host: a", "host: a:80"),
    ],
    ["where the name is none", request(NUMBERED[0]!.replace("f", "g"), NUMBERED[1]!)],
    ["where the number is none", request(NUMBERED[0]!, `${NUMBERED[1]!}0`)],
    ["where there is no room for the bytes", request(...NUMBERED), 121],
    ["where there is no room for the lines", request(...NUMBERED, ...Array(HEADER_LINES_MAX - 4).fill("a: b"))],
  ];
  for (const [what, text, room] of untouched) {
    test(what, () => {
      const message = received(text, room);
      expect(written(message)).toBe(text);
      expect(message.bytes.toString("latin1", text.length)).toBe("~".repeat(room ?? ROOM_BYTES));
    });
  }
  test("and is, where there is just as much room", () => {
    expect(written(received(request(...NUMBERED), 122))).toMatch(/x-request-id: .{36}\r\n\r\n$/);
    const lines = Array(HEADER_LINES_MAX - 5).fill("a: b");
    expect(received(request(...NUMBERED, ...lines)).head.lines.count).toBe(HEADER_LINES_MAX);
  });
});
