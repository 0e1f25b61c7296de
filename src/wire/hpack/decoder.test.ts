import { describe, expect, test } from "bun:test";
import { HEADER_LINES_MAX, HeaderLines } from "../http1/head.ts";
import { BLOCK_ERROR, HpackDecoder } from "./decoder.ts";
import { FieldList } from "./field-list.ts";
import { FAULT, PSEUDO } from "./field-traits.ts";

const LIST_BYTES = 4096;
const hex = (text: string) => Uint8Array.from(Buffer.from(text.replaceAll(/\s/g, ""), "hex"));
const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

/** A literal without indexing, in plain text. */
function literal(name: string, value: string, form = 0x00): Uint8Array {
  const length = (text: string) =>
    text.length < 127 ? [text.length] : [127, ((text.length - 127) & 127) | 128, (text.length - 127) >> 7];
  return Uint8Array.from([
    form,
    ...length(name),
    ...Buffer.from(name, "latin1"),
    ...length(value),
    ...Buffer.from(value, "latin1"),
  ]);
}
const join = (...blocks: Uint8Array[]) => Uint8Array.from(blocks.flatMap((block) => [...block]));

class Peer {
  readonly decoder: HpackDecoder;
  readonly fields: FieldList;
  constructor(tableBytes = 4096, listBytes = LIST_BYTES) {
    this.fields = new FieldList(new HeaderLines(), listBytes);
    this.decoder = new HpackDecoder(tableBytes);
  }
  /** The list as lines, pseudo-header fields first, or the error. */
  read(block: Uint8Array): string[] | number {
    const padded = join(hex("82be"), block, hex("82be"));
    const answer = this.decoder.decode(padded, 2, 2 + block.length, this.fields);
    return answer < 0 ? answer : this.lines();
  }
  lines(): string[] {
    const { fields } = this;
    const { lines } = fields;
    const text = (start: number, end: number) => latin1(fields.bytes.subarray(start, end));
    const names = ["", ":method", ":path", ":scheme", ":authority", ":status", ":protocol"];
    const found = names.flatMap((name, i) =>
      fields.pseudoSeen & (1 << i) ? [`${name}: ${text(fields.pseudoStart[i]!, fields.pseudoEnd[i]!)}`] : [],
    );
    for (let i = 0; i < lines.count; i++) {
      found.push(`${text(lines.nameStart[i]!, lines.nameEnd[i]!)}: ${text(lines.valueStart[i]!, lines.valueEnd[i]!)}`);
    }
    return found;
  }
  table(): string[] {
    const { table } = this.decoder;
    const found: string[] = [];
    for (let id = table.insertedCount - 1; id >= table.firstId; id--) {
      const start = table.startOf(id);
      found.push(latin1(table.ring.subarray(start, start + table.nameBytesOf(id) + table.valueBytesOf(id) + 2)));
    }
    return found;
  }
}

describe("RFC 7541 appendix C", () => {
  test("C.2: single fields", () => {
    expect(new Peer().read(hex("400a637573746f6d2d6b65790d637573746f6d2d686561646572"))).toEqual([
      "custom-key: custom-header",
    ]);
    expect(new Peer().read(hex("040c2f73616d706c652f70617468"))).toEqual([":path: /sample/path"]);
    const secret = new Peer();
    expect(secret.read(hex("100870617373776f726406736563726574"))).toEqual(["password: secret"]);
    expect([secret.fields.neverIndexed[0], secret.table()]).toEqual([1, []]);
    expect(new Peer().read(hex("82"))).toEqual([":method: GET"]);
  });

  const requests = [
    [":method: GET", ":path: /", ":scheme: http", ":authority: www.example.com"],
    [":method: GET", ":path: /", ":scheme: http", ":authority: www.example.com", "cache-control: no-cache"],
    [":method: GET", ":path: /index.html", ":scheme: https", ":authority: www.example.com", "custom-key: custom-value"],
  ];
  const plainRequests = [
    "828684410f7777772e6578616d706c652e636f6d",
    "828684be58086e6f2d6361636865",
    "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
  ];
  const packedRequests = [
    "828684418cf1e3c2e5f23a6ba0ab90f4ff",
    "828684be5886a8eb10649cbf",
    "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
  ];
  for (const [name, blocks] of [
    ["C.3: requests in plain text", plainRequests],
    ["C.4: requests in Huffman form", packedRequests],
  ] as const) {
    test(name, () => {
      const peer = new Peer();
      expect(blocks.map((block) => peer.read(hex(block)))).toEqual(requests);
      expect(peer.table()).toEqual([
        "custom-key: custom-value",
        "cache-control: no-cache",
        ":authority: www.example.com",
      ]);
      expect(peer.decoder.table.bytes).toBe(164);
    });
  }

  const date = (second: number) => `date: Mon, 21 Oct 2013 20:13:${second} GMT`;
  const location = "location: https://www.example.com";
  const cookie = "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1";
  const responses = [
    [":status: 302", "cache-control: private", date(21), location],
    [":status: 307", "cache-control: private", date(21), location],
    [":status: 200", "cache-control: private", date(22), location, "content-encoding: gzip", cookie],
  ];
  const plainResponses = [
    `4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d`,
    "4803333037c1c0bf",
    `88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a69707738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d333630303b2076657273696f6e3d31`,
  ];
  const packedResponses = [
    "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3",
    "4883640effc1c0bf",
    "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
  ];
  for (const [name, blocks] of [
    ["C.5: responses with evictions", plainResponses],
    ["C.6: the same in Huffman form", packedResponses],
  ] as const) {
    test(name, () => {
      const peer = new Peer();
      const [first = "", ...rest] = blocks;
      // The examples use a table of 256 bytes: a size update says so.
      expect([peer.read(join(hex("3fe101"), hex(first))), ...rest.map((block) => peer.read(hex(block)))]).toEqual(
        responses,
      );
      expect(peer.table()).toEqual([cookie, "content-encoding: gzip", date(22)]);
      expect(peer.decoder.table.bytes).toBe(215);
    });
  }
});

describe("a block is refused", () => {
  const cases: readonly (readonly [name: string, block: string, error: number])[] = [
    ["with index 0", "80", BLOCK_ERROR.BAD_INDEX],
    ["with an index behind an empty dynamic table", "be", BLOCK_ERROR.BAD_INDEX],
    ["with a far index", "ffff7f", BLOCK_ERROR.BAD_INDEX],
    ["with a literal whose name index is not there", "7e0161", BLOCK_ERROR.BAD_INDEX],
    ["with a string longer than the block", "000161ff00", BLOCK_ERROR.TRUNCATED],
    ["that ends behind a name", "000161", BLOCK_ERROR.TRUNCATED],
    ["that ends inside an integer", "ff", BLOCK_ERROR.BAD_INTEGER],
    ["with an integer without end", "ffffffffffffffff01", BLOCK_ERROR.BAD_INTEGER],
    ["with a size update behind a field", "8220", BLOCK_ERROR.BAD_SIZE_UPDATE],
    ["with a third size update", "20203f0082", BLOCK_ERROR.BAD_SIZE_UPDATE],
    ["with a size above what was announced", "3fe21f", BLOCK_ERROR.BAD_SIZE_UPDATE],
    ["with the end-of-string symbol", "000161 84ffffffff", BLOCK_ERROR.BAD_HUFFMAN],
    ["with Huffman padding of zeros", "000161 8118", BLOCK_ERROR.BAD_HUFFMAN],
    ["with Huffman padding of a whole byte", "000161 821fff", BLOCK_ERROR.BAD_HUFFMAN],
  ];
  for (const [name, block, error] of cases) test(name, () => expect(new Peer().read(hex(block))).toBe(error));

  test("without the size update that smaller settings ask for", () => {
    const peer = new Peer(0);
    expect(peer.read(hex("82"))).toEqual([":method: GET"]);
    peer.decoder.announce(0);
    expect(peer.read(hex("82"))).toBe(BLOCK_ERROR.BAD_SIZE_UPDATE);
    const obedient = new Peer(0);
    obedient.decoder.announce(0);
    expect(obedient.read(hex("2082"))).toEqual([":method: GET"]);
    expect(obedient.read(hex("3f4582"))).toBe(BLOCK_ERROR.BAD_SIZE_UPDATE);
  });
});

describe("a list is malformed", () => {
  const faults: readonly (readonly [name: string, blocks: Uint8Array[], fault: number])[] = [
    ["by a name in upper case", [literal("X-a", "1")], FAULT.NAME],
    ["by an empty name", [literal("", "1")], FAULT.NAME],
    ["by a space in a name", [literal("a b", "1")], FAULT.NAME],
    ["by a colon in a name", [literal("a:", "1")], FAULT.NAME],
    ["by a line feed in a name", [literal("a\n", "1")], FAULT.NAME],
    ["by a carriage return in a value", [literal("a", "1\r\nb: 2")], FAULT.VALUE],
    ["by a NUL in a value", [literal("a", "1\0")], FAULT.VALUE],
    ["by whitespace before a value", [literal("a", " 1")], FAULT.VALUE],
    ["by whitespace behind a value", [literal("a", "1\t")], FAULT.VALUE],
    ["by connection", [literal("connection", "close")], FAULT.CONNECTION],
    ["by transfer-encoding", [literal("transfer-encoding", "chunked")], FAULT.CONNECTION],
    ["by keep-alive", [literal("keep-alive", "1")], FAULT.CONNECTION],
    ["by proxy-connection", [literal("proxy-connection", "x")], FAULT.CONNECTION],
    ["by upgrade", [literal("upgrade", "h2c")], FAULT.CONNECTION],
    ["by te with anything but trailers", [literal("te", "gzip")], FAULT.CONNECTION],
    ["by a pseudo-header field behind a line", [literal("a", "1"), hex("82")], FAULT.PSEUDO_ORDER],
    ["by a pseudo-header field behind a cookie", [literal("cookie", "1"), hex("82")], FAULT.PSEUDO_ORDER],
    ["by a pseudo-header field twice", [hex("8282")], FAULT.PSEUDO_REPEATED],
    ["by an unknown pseudo-header field", [literal(":version", "1")], FAULT.PSEUDO_UNKNOWN],
    ["by an underscore, as far as requests go", [literal("a_b", "1")], FAULT.UNDERSCORE],
    ["by a name in disguise", [literal("content_length", "1")], FAULT.UNDERSCORE | FAULT.DISGUISE],
  ];
  for (const [name, blocks, fault] of faults) {
    test(name, () => {
      const peer = new Peer();
      peer.read(join(...blocks));
      expect(peer.fields.faults).toBe(fault);
    });
    test(`${name}, also when it comes from the table again and again`, () => {
      const peer = new Peer();
      const indexed = blocks.map((block) => (block[0] === 0 ? join(hex("40"), block.subarray(1)) : block));
      peer.read(join(...indexed));
      let next = 61 + peer.decoder.table.count;
      const references = blocks.map((block) => (block[0] === 0 ? Uint8Array.of(0x80 | next--) : block));
      // Runs of three and more are what memos are made of.
      const run = join(...references, hex("90909090"));
      for (let round = 0; round < 5; round++) {
        peer.read(run);
        expect(peer.fields.faults).toBe(fault);
      }
    });
  }
  test("but te: trailers is fine, after te: gzip too", () => {
    const peer = new Peer();
    peer.read(literal("te", "gzip", 0x40));
    expect(peer.read(hex("7e087472 61696c657273"))).toEqual(["te: trailers"]);
    expect(peer.fields.faults).toBe(0);
  });
});

describe("crumbs of a cookie", () => {
  const crumb = (value: string) => literal("cookie", value);
  test("become one line where the first stood", () => {
    expect(
      new Peer().read(
        join(crumb("a=1"), crumb("b=2"), literal("x", "1"), crumb("c=3"), literal("y", "2"), crumb("d=4")),
      ),
    ).toEqual(["cookie: a=1; b=2; c=3; d=4", "x: 1", "y: 2"]);
  });
  test("leave lines without gaps, so that they can be copied as they are", () => {
    const peer = new Peer();
    peer.read(join(hex("82"), literal("x", "1"), crumb("a"), literal("y", "2"), crumb("b")));
    const { bytes, lines, length } = peer.fields;
    expect(latin1(bytes.subarray(lines.nameStart[0]!, length))).toBe("x: 1\r\ncookie: a; b\r\ny: 2\r\n");
  });
  test("are counted one by one", () => {
    const peer = new Peer();
    peer.read(join(...Array.from({ length: 110 }, () => crumb(""))));
    expect(peer.fields.isOversized).toBe(true);
  });
});

describe("limits", () => {
  test("a list up to the limit is taken, one byte more is not, and the table goes on", () => {
    const value = "v".repeat(LIST_BYTES - 33);
    const peer = new Peer();
    expect(peer.read(literal("a", value))).toEqual([`a: ${value}`]);
    peer.read(join(literal("a", `${value}v`), literal("k", "w", 0x40)));
    expect([peer.fields.isOversized, peer.fields.lines.count]).toEqual([true, 0]);
    expect(peer.read(hex("be"))).toEqual(["k: w"]);
  });
  test("more lines than an HTTP/1.1 head may have are not taken", () => {
    const peer = new Peer(4096, 65536);
    const narrow = Array.from({ length: HEADER_LINES_MAX + 1 }, () => hex("ba"));
    peer.read(join(...narrow));
    expect([peer.fields.isOversized, peer.fields.lines.count]).toEqual([true, 0]);
  });
  test("references to more than twice the table are not followed: few bytes do not become many", () => {
    const peer = new Peer();
    const big = literal("bomb", "x".repeat(2000), 0x40);
    expect((peer.read(big) as string[]).length).toBe(1);
    peer.read(join(...Array.from({ length: 9 }, () => hex("be"))));
    expect([peer.fields.isOversized, peer.fields.length]).toEqual([true, 0]);
  });
});

describe("runs that were learnt", () => {
  /** Enters three lines and answers the run that refers to them. */
  function taught(): { peer: Peer; run: Uint8Array } {
    const peer = new Peer();
    peer.read(join(literal("a", "1", 0x40), literal("cookie", "c", 0x40), literal("x-forwarded-for", "9", 0x40)));
    const run = hex("c0bfbe");
    for (let i = 0; i < 4; i++) expect(peer.read(run)).toEqual(["a: 1", "cookie: c", "x-forwarded-for: 9"]);
    return { peer, run };
  }
  test("mean something else as soon as the table has changed", () => {
    const { peer, run } = taught();
    peer.read(literal("new", "n", 0x40));
    for (let i = 0; i < 4; i++) expect(peer.read(run)).toEqual(["cookie: c", "x-forwarded-for: 9", "new: n"]);
    peer.read(hex("20"));
    expect(peer.read(run)).toBe(BLOCK_ERROR.BAD_INDEX);
  });
  test("join cookies across the run", () => {
    const { peer, run } = taught();
    const whole = join(hex("8286"), run, literal("cookie", "d"));
    for (let i = 0; i < 4; i++) {
      expect(peer.read(whole)).toEqual([":method: GET", ":scheme: http", "a: 1", "cookie: c; d", "x-forwarded-for: 9"]);
      expect(peer.read(join(literal("cookie", "0"), run))).toEqual(["cookie: 0; c", "a: 1", "x-forwarded-for: 9"]);
    }
  });
  test("with pseudo-header fields are a fault behind a line, however often they were right", () => {
    const peer = new Peer();
    const run = hex("82868490");
    for (let i = 0; i < 4; i++)
      expect(peer.read(run)).toEqual([":method: GET", ":path: /", ":scheme: http", "accept-encoding: gzip, deflate"]);
    peer.read(join(literal("a", "1"), run));
    expect(peer.fields.faults).toBe(FAULT.PSEUDO_ORDER);
    peer.read(join(literal(":path", "/x"), run));
    expect(peer.fields.faults).toBe(FAULT.PSEUDO_REPEATED);
    expect(peer.read(run)).toHaveLength(4);
    expect(peer.fields.pseudoSeen).toBe((1 << PSEUDO.METHOD) | (1 << PSEUDO.PATH) | (1 << PSEUDO.SCHEME));
  });
  test("count towards the limits like any other", () => {
    const peer = new Peer();
    const run = hex("909090909090909090909090909090909090909090909090909090909090");
    for (let i = 0; i < 4; i++) expect(peer.read(run)).toHaveLength(30);
    peer.read(join(run, literal("a", "1"), run, literal("a", "1"), run));
    expect(peer.fields.isOversized).toBe(true);
  });
});
