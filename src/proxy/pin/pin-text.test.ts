import { describe, expect, test } from "bun:test";
import {
  HANDLE_MAX,
  PIN_BYTES_MAX,
  type PinText,
  parseHandle,
  parsePin,
  pinnedEndpoint,
  printPin,
} from "./pin-text.ts";

const PLAIN: PinText = {
  parent: "service/prod/orders",
  parentPort: 80,
  gateway: "",
  backend: "service/prod/orders-v2",
  backendPort: 9002,
  occurrence: 0,
  endpoint: "workload/prod/orders-v2|127.0.0.1:9002",
};

describe("a pin", () => {
  const texts: readonly (readonly [string, PinText])[] = [
    ["service/prod/orders:80 service/prod/orders-v2:9002 workload/prod/orders-v2|127.0.0.1:9002", PLAIN],
    [
      "service/prod/orders:80 service/prod/orders-v2:9002#3 workload/prod/orders-v2|127.0.0.1:9002",
      { ...PLAIN, occurrence: 3 },
    ],
    [
      "gateway/prod/lan/web+admin service/prod/orders-v2:9002 workload/prod/orders-v2|[::1]:9002",
      {
        ...PLAIN,
        parent: "",
        parentPort: 0,
        gateway: "prod/lan/web+admin",
        endpoint: "workload/prod/orders-v2|[::1]:9002",
      },
    ],
  ];
  for (const [text, pin] of texts) {
    test(`is written as ${text}, and read again`, () => {
      expect(printPin(pin)).toBe(text);
      expect(parsePin(text)).toEqual(pin);
    });
  }

  test("holds the path of a unix socket whatever is in it, without a blank or a line's end", () => {
    const endpoint = pinnedEndpoint("workload/prod/orders|unix:/run/my orders\r\n%41é\ud800.sock");
    expect(endpoint).toBe("workload/prod/orders|unix:/run/my%20orders%0D%0A%2541%C3%A9%EF%BF%BD.sock");
    expect(parsePin(printPin({ ...PLAIN, endpoint }))?.endpoint).toBe(endpoint);
  });

  const hostile: readonly string[] = [
    "",
    "service/prod/orders:80",
    "service/prod/orders:80 service/prod/orders:80",
    "service/prod/orders:80 service/prod/orders:80 ",
    " service/prod/orders:80 service/prod/orders:80 e",
    "service/prod/orders:80  service/prod/orders:80 e",
    "service/prod/orders:80 service/prod/orders:80 e f",
    "service/prod/orders:80\tservice/prod/orders:80 e",
    "service/prod/orders service/prod/orders:80 e",
    "service/prod/orders:0 service/prod/orders:80 e",
    "service/prod/orders:080 service/prod/orders:80 e",
    "service/prod/orders:65536 service/prod/orders:80 e",
    "service/prod/orders:+80 service/prod/orders:80 e",
    "service/prod/orders:80 service/prod/orders:8e1 e",
    "service/prod/orders:80 service/prod/orders:80#0 e",
    "service/prod/orders:80 service/prod/orders:80#01 e",
    "service/prod/orders:80 service/prod/orders:80#256 e",
    "service/prod/orders:80 service/prod/orders:80#-1 e",
    "service/prod/orders:80 external/prod/a/b:80 e",
    "workload/prod/orders:80 service/prod/orders:80 e",
    "- service/prod/orders:80 e",
    "gateway/prod/lan service/prod/orders:80 e",
    "gateway/prod/lan/ service/prod/orders:80 e",
    "gateway//lan/web service/prod/orders:80 e",
    `gateway/${"a/".repeat(900)}\u0001 service/prod/orders:80 e`,
    `gateway/${"a/".repeat(900)} service/prod/orders:80 e`,
    "service/:80 service/prod/orders:80 e",
    "service/prod/orders:80 service/prod/orders:80 \u00e9",
    "service/prod/orders:80 service/prod/orders:80 a\u0000",
    `service/prod/orders:80 service/prod/orders:80 ${"e".repeat(1025)}`,
    `service/prod/${"o".repeat(PIN_BYTES_MAX)}:80 service/prod/orders:80 e`,
  ];
  for (const text of hostile) {
    test(`is not ${JSON.stringify(text.slice(0, 80))}`, () => expect(parsePin(text)).toBeNull());
  }

  test("is never read from what is cut off or has a byte changed, unless it reads back as the same text", () => {
    const text = printPin({ ...PLAIN, occurrence: 2 });
    for (let at = 0; at < text.length; at++) {
      for (const changed of [text.slice(0, at), `${text.slice(0, at)}\u0001${text.slice(at + 1)}`]) {
        const pin = parsePin(changed);
        if (pin) expect(printPin(pin)).toBe(changed);
      }
    }
  });
});

describe("a handle", () => {
  const read = (text: string): number => parseHandle(Buffer.from(text, "latin1"), 0, text.length);
  test("is a plain number", () => {
    expect(read("0")).toBe(0);
    expect(read("7")).toBe(7);
    expect(read(String(HANDLE_MAX))).toBe(HANDLE_MAX);
  });
  for (const text of ["", "-1", "+1", "01", "00", " 1", "1 ", "1e3", "0x1", "1.0", "2147483648", "99999999999", "١"]) {
    test(`is not ${JSON.stringify(text)}`, () => expect(read(text)).toBe(-1));
  }
});
