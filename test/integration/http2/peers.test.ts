/** The HTTP/2 codec on real sockets, with clients and servers that others wrote: nghttp2's, and the runtime's node:http2. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  type ClientHttp2Session,
  connect,
  createServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { type AddressInfo, connect as connectSocket } from "node:net";
import { METHOD } from "../../../src/wire/http1/head.ts";
import { Connection } from "../../../src/wire/http2/connection.ts";
import { EVENT } from "../../../src/wire/http2/event.ts";
import { OutputBuffer } from "../../../src/wire/http2/output-buffer.ts";
import { type EchoServer, startEchoServer } from "../../support/http2-echo-server.ts";
import { CLIENT_OPTIONS, headScratch } from "../../support/http2-scratch.ts";
import { testWith } from "../../support/needs.ts";

let server: EchoServer;
beforeAll(() => {
  server = startEchoServer();
});
afterAll(() => server.stop());

async function run(command: readonly string[], stdin?: Uint8Array): Promise<{ code: number; output: Buffer }> {
  const child = Bun.spawn([...command], {
    stdin: stdin ?? "ignore",
    stdout: "pipe",
    stderr: "inherit",
    timeout: 15_000,
  });
  const output = Buffer.from(await new Response(child.stdout).arrayBuffer());
  return { code: await child.exited, output };
}

describe("nghttp2's tools", () => {
  const test = testWith({ programs: ["nghttp", "h2load"] });
  const url = (path: string) => `http://127.0.0.1:${server.port}${path}`;

  test("nghttp gets an answer, with its own headers in it", async () => {
    const { code, output } = await run(["nghttp", "-v", "--no-dep", "-H", "x-shop: 42", url("/hello")]);
    expect(code).toBe(0);
    expect(output.toString()).toContain(":status: 200");
    expect(output.toString()).toContain("x-path: /hello");
    expect(output.toString()).toContain("x-seen-x-shop: 42");
  });

  test("nghttp gets back three megabytes as they were, padded, with CONTINUATION and trailers", async () => {
    const content = Buffer.from(Array.from({ length: 3_000_000 }, (_, i) => (i * 7919) >>> 3));
    const large = ["-H", `x-large: ${"~".repeat(9000)}`, "-H", `x-larger: ${"~".repeat(9000)}`];
    const { code, output } = await run(
      ["nghttp", "-b", "9", ...large, "--trailer", "x-sum: 1", "-d", "-", url("/echo")],
      content,
    );
    expect(code).toBe(0);
    expect(output.equals(content)).toBe(true);
  });

  test("h2load is served on many streams, and its headers cost next to nothing", async () => {
    const { code, output } = await run(["h2load", "-n", "2000", "-c", "4", "-m", "25", "-H", "x-shop: 42", url("/x")]);
    expect(code).toBe(0);
    expect(output.toString()).toContain("2000 succeeded, 0 failed, 0 errored");
    expect(Number(/space savings ([\d.]+)%/.exec(output.toString())?.[1])).toBeGreaterThan(85);
  });

  test("h2load is served a megabyte on each of many streams, its windows full", async () => {
    const { code, output } = await run([
      "h2load",
      "-n",
      "40",
      "-c",
      "2",
      "-m",
      "10",
      "-w",
      "16",
      "-W",
      "17",
      url("/bytes/1000000"),
    ]);
    expect(code).toBe(0);
    expect(output.toString()).toContain("40 succeeded, 0 failed, 0 errored");
  });
});

describe("a client of node:http2", () => {
  async function withSession<T>(use: (session: ClientHttp2Session) => Promise<T>): Promise<T> {
    const session = connect(`http://127.0.0.1:${server.port}`);
    try {
      return await use(session);
    } finally {
      await new Promise<void>((resolve) => session.close(() => resolve()));
    }
  }

  function exchange(
    session: ClientHttp2Session,
    headers: IncomingHttpHeaders,
    content: string,
  ): Promise<{ headers: IncomingHttpHeaders; content: string }> {
    return new Promise((resolve, reject) => {
      const stream = session.request(headers);
      let seen: IncomingHttpHeaders = {};
      let received = "";
      stream.setEncoding("latin1");
      stream.on("response", (headers) => {
        seen = headers;
      });
      stream.on("data", (piece: string) => {
        received += piece;
      });
      stream.on("end", () => resolve({ headers: seen, content: received }));
      stream.on("error", reject);
      stream.end(content);
    });
  }

  test("gets back what it sends, a hundred at once", async () => {
    await withSession(async (session) => {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, i) =>
          exchange(
            session,
            { ":method": "POST", ":path": `/${i}`, "x-number": String(i), cookie: "a=1; b=2" },
            `content ${i}`,
          ),
        ),
      );
      answers.forEach(({ headers, content }, i) => {
        expect([headers[":status"], headers["x-path"], headers["x-seen-x-number"], content]).toEqual([
          200,
          `/${i}`,
          String(i),
          `content ${i}`,
        ] as never);
        expect(headers["x-seen-cookie"]).toBe("a=1; b=2");
      });
    });
  });

  test("is answered to its ping and its settings", async () => {
    await withSession(
      (session) =>
        new Promise<void>((resolve, reject) => {
          session.settings({ initialWindowSize: 1000, headerTableSize: 100 }, (error) => {
            if (error) return reject(error);
            session.ping((error, durationMs) =>
              error ? reject(error) : resolve(expect(durationMs).toBeGreaterThanOrEqual(0) as never),
            );
          });
        }),
    );
  });
});

describe("a server of node:http2", () => {
  let node: Http2Server;
  beforeAll(async () => {
    node = createServer();
    node.on("stream", (stream: ServerHttp2Stream, headers) => {
      stream.additionalHeaders({ ":status": 103, link: "</style>" });
      stream.respond(
        { ":status": 200, "x-path": String(headers[":path"]), "x-cookie": String(headers["cookie"]) },
        { waitForTrailers: true },
      );
      stream.on("wantTrailers", () => stream.sendTrailers({ "x-end": "1" }));
      stream.pipe(stream);
    });
    await new Promise<void>((resolve) => node.listen(0, "127.0.0.1", resolve));
  });
  afterAll(() => new Promise<void>((resolve) => node.close(() => resolve())));

  test("answers our client: interim head, head, echo of 500 kB, trailers, and again with what was learnt", async () => {
    const scratch = headScratch();
    const connection = new Connection<undefined>(CLIENT_OPTIONS, scratch, new OutputBuffer(), performance.now());
    const socket = connectSocket((node.address() as AddressInfo).port, "127.0.0.1");
    const content = Buffer.from(Array.from({ length: 500_000 }, (_, i) => i * 31));
    const rounds = 6;
    const seen: string[] = [];
    let received: Buffer[] = [];
    let sent = 0;
    let stream = connection.openStream(METHOD.POST, false, undefined)!;
    const begin = (round: number) => {
      const head = Buffer.from(
        `POST /round HTTP/1.1\r\nhost: shop\r\nx-round: ${round >> 2}\r\ncookie: a=${round >> 2}\r\ntransfer-encoding: chunked\r\n\r\n`,
      );
      connection.sendHead(stream, head, 0, head.length, false, 1);
      sent = 0;
    };
    const flush = () => {
      for (let taken = 1; taken > 0 && sent < content.length; sent += Math.max(0, taken)) {
        taken = connection.sendData(stream, content, sent, content.length, true);
      }
      const { output } = connection;
      socket.write(Buffer.from(output.bytes.slice(0, output.length)));
      output.consume(output.length);
    };
    begin(0);
    flush();
    await new Promise<void>((resolve, reject) => {
      let round = 0;
      socket.on("error", reject);
      socket.on("drain", flush);
      socket.on("data", (bytes: Buffer) => {
        connection.feed(bytes, 0, bytes.length, performance.now());
        for (let event = connection.next(); event !== EVENT.NONE; event = connection.next()) {
          if (event === EVENT.HEAD) seen.push(String(scratch.response.status));
          else if (event === EVENT.DATA) {
            received.push(Buffer.from(connection.data.slice(connection.dataStart, connection.dataEnd)));
            connection.credit(connection.stream!, connection.dataEnd - connection.dataStart);
          } else if (event === EVENT.TRAILERS) {
            seen.push(Buffer.from(connection.fields.bytes.slice(0, connection.fields.length)).toString());
            expect(Buffer.concat(received).equals(content)).toBe(true);
            received = [];
            if (++round === rounds) return resolve();
            stream = connection.openStream(METHOD.POST, false, undefined)!;
            begin(round);
          } else if (event === EVENT.ERROR || event === EVENT.RESET)
            return reject(new Error(`event ${event} ${connection.reason}`));
        }
        flush();
      });
    });
    await new Promise<void>((resolve) => {
      socket.on("close", () => resolve());
      socket.destroy();
    });
    expect(seen).toEqual(Array.from({ length: rounds }, () => ["103", "200", "x-end: 1\r\n"]).flat());
  });
});
