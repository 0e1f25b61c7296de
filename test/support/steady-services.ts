/** The services that `SteadyCallers` call, all within this process. Dispose of them. */
import { type H2Origin, startH2Origin } from "./h2-origin.ts";
import { listenRaw, type RawServer } from "./raw-peer.ts";
import { CHAT_PORT, CHAT_SERVICE, LONG_PART_MS, longAnswer, SERVICES, TCP_PORT, TCP_SERVICE } from "./steady-load.ts";
import { serviceDoc } from "./test-mesh.ts";
import { type NodeName, nodeWorkload } from "./tunnel-pair.ts";

type Json = Readonly<Record<string, unknown>>;

export class SteadyServices implements AsyncDisposable {
  readonly #http: readonly Bun.Server<undefined>[];
  readonly #chat: H2Origin;
  readonly #echo: RawServer;

  private constructor(chat: H2Origin) {
    this.#chat = chat;
    this.#http = SERVICES.map((name) =>
      Bun.serve({ hostname: "127.0.0.1", port: 0, fetch: (request) => answer(name, request) }),
    );
    this.#echo = listenRaw(echo);
  }

  static async start(): Promise<SteadyServices> {
    return new SteadyServices(
      await startH2Origin((stream) => {
        stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
        stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
        stream.on("data", (part: Buffer) => void stream.write(part));
        stream.on("end", () => stream.end());
      }),
    );
  }

  /** Workloads on a node, and their Services. */
  documents(node: NodeName): readonly Json[] {
    const http = SERVICES.flatMap((name, at) => [
      nodeWorkload(name, node, this.#http[at]?.port ?? 0),
      serviceDoc(name),
    ]);
    return [
      ...http,
      nodeWorkload(CHAT_SERVICE, node, this.#chat.port),
      serviceDoc(CHAT_SERVICE, {}, CHAT_PORT, "grpc"),
      nodeWorkload(TCP_SERVICE, node, this.#echo.port),
      serviceDoc(TCP_SERVICE, {}, TCP_PORT, "tcp"),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#http) await server.stop(true);
    this.#chat[Symbol.dispose]();
    this.#echo[Symbol.dispose]();
  }
}

function answer(service: string, request: Request): Response {
  const { pathname } = new URL(request.url);
  if (!pathname.startsWith("/long/")) return new Response(`${service} ${pathname}`);
  return new Response(
    new ReadableStream({
      async start(controller) {
        for (const part of longAnswer(service, pathname)) {
          controller.enqueue(Buffer.from(part));
          await Bun.sleep(LONG_PART_MS);
        }
        controller.close();
      },
    }),
  );
}

async function echo(peer: Parameters<NonNullable<Parameters<typeof listenRaw>[0]>>[0]): Promise<void> {
  for (;;) {
    await peer.until(() => peer.received.length > 0 || peer.hasEnded);
    if (peer.received.length === 0) {
      peer.finish();
      return;
    }
    peer.send(await peer.read(peer.received.length));
  }
}
