/**
 * A service behind the mesh, in a process of its own. Argument: `OriginArgument`. Prints its port; answers every request with its
 * name and the request's token, so that an answer to the wrong request shows. `/slow/MS` answers after a while, `/status/N` with
 * that status, `/headers` with the header lines that came, as JSON; at `/ws` a WebSocket sends back what it gets. Prints how many
 * requests it saw on each line of input; ends with its input.
 */

export interface OriginArgument {
  readonly name: string;
  readonly port?: number;
  /** Default: 127.0.0.1. */
  readonly hostname?: string;
  readonly unix?: string;
}

const { name, port = 0, hostname = "127.0.0.1", unix } = JSON.parse(process.argv[2] ?? "{}") as OriginArgument;
let served = 0;

const websocket = {
  message: (socket: Bun.ServerWebSocket<undefined>, message: string | Buffer) => void socket.send(message),
};

async function answer(request: Request, server: Bun.Server<undefined>): Promise<Response | undefined> {
  served++;
  const { pathname } = new URL(request.url);
  const [, verb, value] = pathname.split("/");
  if (verb === "ws" && server.upgrade(request, { data: undefined })) return undefined;
  const body = await request.text();
  if (verb === "slow") await Bun.sleep(Number(value));
  if (verb === "headers") return Response.json(Object.fromEntries(request.headers));
  const status = verb === "status" ? Number(value) : 200;
  return new Response(`${name} ${request.headers.get("x-token") ?? ""} ${body}`, { status });
}

const server =
  unix === undefined
    ? Bun.serve({ hostname, port, idleTimeout: 60, fetch: answer, websocket })
    : Bun.serve({ unix, fetch: answer, websocket });
console.log(unix === undefined ? server.port : 0);
for await (const _ of console) console.log(served);
process.exit(0);
