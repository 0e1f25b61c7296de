import { expect, test } from "bun:test";
import { join } from "node:path";
import { packFields, textField } from "../../identity/fields.ts";
import { frameJoinMessage, JOIN_KEYING_BYTES } from "../../identity/join-protocol.ts";
import { JoinConnectionError } from "./join-connection.ts";
import { callLate } from "./late-call.ts";
import {
  decodeCallee,
  decodeReply,
  decodeSession,
  encodeCallee,
  encodeReply,
  encodeSession,
  LATE_MESSAGE_BYTES_MAX,
  LateMessages,
} from "./late-call-frames.ts";

const how = { bun: process.execPath, program: join(import.meta.dir, "late-call-main.ts") };
const nobodyAsks = async (): Promise<Uint8Array> => {
  throw new Error("nobody was seen");
};
const callee = (port: number) => ({ address: `127.0.0.1:${port}`, trustDomain: "store.example", node: "till-1" });

test("a call to nobody says so, and so does one to somebody who speaks no TLS", async () => {
  const stopping = new AbortController().signal;
  using closed = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  const { port } = closed;
  closed.stop(true);
  const unreached = callLate(how, callee(port), stopping, nobodyAsks);
  await expect(unreached).rejects.toBeInstanceOf(JoinConnectionError);
  await expect(unreached).rejects.toThrow(String(port));
  using rude = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { data: (socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n") },
  });
  await expect(callLate(how, callee(rude.port), stopping, nobodyAsks)).rejects.toBeInstanceOf(JoinConnectionError);
});

test("a call that hangs ends when the keeper stops, and its connection with it", async () => {
  const stopping = new AbortController();
  const connected = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  using silent = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: { open: () => connected.resolve(), data() {}, close: () => gone.resolve() },
  });
  const call = callLate(how, callee(silent.port), stopping.signal, nobodyAsks);
  await connected.promise;
  stopping.abort();
  expect(await call.catch((error: unknown) => String(error))).toContain("the call broke off");
  await gone.promise;
});

test("a call does not begin once the keeper stops", async () => {
  await expect(callLate(how, callee(1), AbortSignal.abort(), nobodyAsks)).rejects.toBeInstanceOf(JoinConnectionError);
});

test("what keeper and child say is read back as it was said, however it is cut, and nothing else is", async () => {
  const facts = { alpn: "selvedge-join/1", protocol: "TLSv1.3", isResumed: false, chain: [new Uint8Array([1, 2])] };
  const session = { facts, keyingMaterial: new Uint8Array(JOIN_KEYING_BYTES).fill(3) };
  expect(decodeSession(encodeSession(session))).toEqual(session);
  expect(decodeSession(encodeSession({ ...session, keyingMaterial: new Uint8Array(3) }))).toBeUndefined();
  expect(decodeSession(encodeSession({ ...session, facts: { ...facts, isResumed: true } }))?.facts.isResumed).toBe(
    true,
  );
  expect(decodeCallee(encodeCallee(callee(9)))).toEqual(callee(9));
  expect(decodeCallee(packFields([textField("a")]))).toBeUndefined();
  expect(decodeReply(encodeReply({ status: 200, bytes: new Uint8Array([7]) }))).toEqual({
    status: 200,
    bytes: new Uint8Array([7]),
  });
  expect(decodeReply(packFields([textField("x"), new Uint8Array(1)]))).toBeUndefined();
  const stream = Buffer.concat([frameJoinMessage(2, Buffer.from("one")), frameJoinMessage(4, Buffer.from("two"))]);
  async function* cut(): AsyncGenerator<Uint8Array> {
    for (const byte of stream) yield Uint8Array.of(byte);
  }
  const messages = new LateMessages(cut());
  expect((await messages.next())?.word).toBe(2);
  expect(Buffer.from((await messages.next())?.bytes ?? []).toString()).toBe("two");
  expect(await messages.next()).toBeUndefined();
  async function* endless(): AsyncGenerator<Uint8Array> {
    const head = frameJoinMessage(2, new Uint8Array(0));
    new DataView(head.buffer).setUint32(0, LATE_MESSAGE_BYTES_MAX + 1, true);
    for (;;) yield head;
  }
  expect(await new LateMessages(endless()).next()).toBeUndefined();
});
