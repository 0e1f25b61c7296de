/** Frames made and read the long way, for tests: shares nothing with the codec but the numbers of the RFC. */
import { ERROR_CODE, FLAG, FRAME, PREFACE, SETTING } from "../../src/wire/http2/protocol.ts";

export { ERROR_CODE, FLAG, FRAME, PREFACE, SETTING };

export type Bytes = readonly number[];

export const text = (value: string): number[] => Array.from(value, (character) => character.charCodeAt(0) & 0xff);
export const uint32 = (value: number): number[] => [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff);
export const uint16 = (value: number): number[] => [(value >>> 8) & 0xff, value & 0xff];

/** Any frame, well formed or not; `length` lies where it is given. */
export function frame(
  type: number,
  flags: number,
  streamId: number,
  payload: Bytes = [],
  length = payload.length,
): number[] {
  return [(length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff, type, flags, ...uint32(streamId), ...payload];
}

export const data = (id: number, content: string | number, flags: number = FLAG.END_STREAM) =>
  frame(FRAME.DATA, flags, id, typeof content === "number" ? new Array<number>(content).fill(120) : text(content));
export const settings = (...pairs: readonly (readonly [setting: number, value: number])[]) =>
  frame(
    FRAME.SETTINGS,
    0,
    0,
    pairs.flatMap(([setting, value]) => [...uint16(setting), ...uint32(value)]),
  );
export const settingsAck = () => frame(FRAME.SETTINGS, FLAG.ACK, 0);
export const ping = (payload: Bytes = text("12345678"), flags = 0) => frame(FRAME.PING, flags, 0, payload);
export const reset = (id: number, code: number = ERROR_CODE.CANCEL) => frame(FRAME.RST_STREAM, 0, id, uint32(code));
export const windowUpdate = (id: number, increment: number) => frame(FRAME.WINDOW_UPDATE, 0, id, uint32(increment));
export const priority = (id: number, dependsOn = 0) => frame(FRAME.PRIORITY, 0, id, [...uint32(dependsOn), 15]);
export const goAway = (lastId: number, code: number = ERROR_CODE.NO_ERROR) =>
  frame(FRAME.GOAWAY, 0, 0, [...uint32(lastId), ...uint32(code)]);
export const continuation = (id: number, block: Bytes, flags: number = FLAG.END_HEADERS) =>
  frame(FRAME.CONTINUATION, flags, id, block);

function integer(prefixBits: number, first: number, value: number): number[] {
  const max = 2 ** prefixBits - 1;
  if (value < max) return [first | value];
  const bytes = [first | max];
  let left = value - max;
  for (; left >= 128; left = Math.floor(left / 128)) bytes.push((left % 128) | 128);
  return [...bytes, left];
}
const string = (value: string) => [...integer(7, 0, value.length), ...text(value)];

/** Fields as literals without indexing, in plain text. */
export const block = (fields: readonly (readonly [name: string, value: string])[]): number[] =>
  fields.flatMap(([name, value]) => [0, ...string(name), ...string(value)]);

export const REQUEST: readonly (readonly [string, string])[] = [
  [":method", "GET"],
  [":scheme", "http"],
  [":path", "/"],
  [":authority", "shop"],
];
export const POST: readonly (readonly [string, string])[] = [[":method", "POST"], ...REQUEST.slice(1)];

/** HEADERS with a whole list. */
export const headers = (id: number, fields = REQUEST, flags: number = FLAG.END_HEADERS | FLAG.END_STREAM) =>
  frame(FRAME.HEADERS, flags, id, block(fields));

export interface SeenFrame {
  readonly type: number;
  readonly flags: number;
  readonly streamId: number;
  readonly payload: number[];
}

/** The frames in `bytes`; throws where they are not whole. */
export function parseFrames(bytes: Uint8Array, start = 0): SeenFrame[] {
  const frames: SeenFrame[] = [];
  let at = start;
  while (at < bytes.length) {
    const length = (bytes[at]! << 16) | (bytes[at + 1]! << 8) | bytes[at + 2]!;
    const end = at + 9 + length;
    if (end > bytes.length) throw new Error("a frame is not whole");
    const streamId = new DataView(bytes.buffer, bytes.byteOffset + at + 5).getUint32(0);
    frames.push({ type: bytes[at + 3]!, flags: bytes[at + 4]!, streamId, payload: [...bytes.subarray(at + 9, end)] });
    at = end;
  }
  return frames;
}

/** The name of an error code. */
export const codeName = (code: number): string =>
  Object.entries(ERROR_CODE).find(([, value]) => value === code)?.[0] ?? `code ${code}`;
