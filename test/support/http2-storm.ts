/** Requests by HTTP/2 of every kind, at both ends of which things go wrong; each answer says whose it is. */
import type { ClientHttp2Session, OutgoingHttpHeaders } from "node:http2";
import { connect, constants } from "node:http2";
import { readAnswer } from "./h2-client.ts";
import type { H2Handler } from "./h2-origin.ts";

type Random = () => number;

const LARGE = Buffer.alloc(150_000, "x");
/** What a request may carry. */
const BODIES = [Buffer.alloc(0), Buffer.from("+1!"), Buffer.alloc(5_000, "y"), LARGE];
const pick = <T>(random: Random, from: readonly T[]): T => from[Math.floor(random() * from.length)] as T;

/** Answers `path` and how much came, with the path in a line and a trailer; every now and then it breaks off in some way. */
export function stormyOrigin(random: Random): H2Handler {
  return (stream, headers) => {
    const id = String(headers[":path"]);
    const dice = random();
    if (dice < 0.002) return stream.session?.destroy();
    // What is under way is still answered.
    if (dice < 0.004) stream.session?.close();
    else if (dice < 0.01)
      return stream.close(pick(random, [constants.NGHTTP2_INTERNAL_ERROR, constants.NGHTTP2_CANCEL]));
    let bytes = 0;
    stream.on("data", (part: Buffer) => {
      bytes += part.length;
    });
    const answer = (): void => {
      if (stream.destroyed) return;
      if (random() < 0.05) stream.additionalHeaders({ ":status": 103, link: id });
      const hasTrailers = random() < 0.5;
      stream.respond({ ":status": 200, "x-id": id }, { waitForTrailers: hasTrailers });
      if (hasTrailers) stream.on("wantTrailers", () => stream.sendTrailers({ "x-id": id }));
      if (random() < 0.01) {
        stream.write(`${id} cut`);
        setImmediate(() => stream.destroyed || stream.close(constants.NGHTTP2_INTERNAL_ERROR));
      } else if (random() < 0.1) stream.end(Buffer.concat([Buffer.from(`${id} ${bytes} `), LARGE]));
      else stream.end(`${id} ${bytes} `);
    };
    // Early answers do not wait for what the caller still has to say.
    if (dice < 0.03) answer();
    else stream.on("end", answer);
  };
}

/** What became of the requests. */
export interface StormTally {
  asked: number;
  right: number;
  /** Answered by the mesh, because the endpoint failed. */
  failed: number;
  /** Broken off, or given up. */
  broken: number;
  readonly mixedUp: string[];
}

export const newTally = (): StormTally => ({ asked: 0, right: 0, failed: 0, broken: 0, mixedUp: [] });

/** Asks until there have been `requests`, a few at once, of one of these services each time. */
export async function stormBy(
  name: string,
  port: number,
  services: readonly string[],
  requests: number,
  random: Random,
  tally: StormTally,
): Promise<void> {
  let session = open(port);
  let asked = 0;
  while (tally.asked < requests) {
    if (session.destroyed || session.closed) session = open(port);
    const burst = 1 + Math.floor(random() * 12);
    const answers: Promise<void>[] = [];
    for (let i = 0; i < burst; i++) {
      tally.asked++;
      answers.push(ask(session, `/${name}-${asked++}`, pick(random, services), random, tally));
    }
    if (random() < 0.004) session.destroy();
    await Promise.all(answers);
  }
  session.destroy();
}

function open(port: number): ClientHttp2Session {
  const session = connect(`http://127.0.0.1:${port}`);
  session.on("error", () => undefined);
  return session;
}

async function ask(
  session: ClientHttp2Session,
  path: string,
  authority: string,
  random: Random,
  tally: StormTally,
): Promise<void> {
  if (session.destroyed || session.closed) {
    tally.broken++;
    return;
  }
  const body = random() < 0.5 ? null : pick(random, BODIES);
  const head: OutgoingHttpHeaders = { ":method": body ? "POST" : "GET", ":path": path, ":authority": authority };
  const hasTrailers = body !== null && random() < 0.3;
  const stream = session.request(head, { endStream: body === null, waitForTrailers: hasTrailers });
  if (hasTrailers) stream.on("wantTrailers", () => stream.sendTrailers({ "x-of": path }));
  if (body) stream.end(body);
  if (random() < 0.01) setTimeout(() => stream.close(constants.NGHTTP2_CANCEL), random() * 4);
  const answer = await readAnswer(stream);
  const { status, headers, trailers } = answer;
  const text = answer.body.toString("latin1");
  const known = [headers["x-id"], trailers["x-id"], text.split(" ")[0] || undefined];
  const isTheirs = known.every((id) => id === undefined || (status !== 200 && id !== path) || id === path);
  if (!isTheirs) tally.mixedUp.push(`${path}: ${status} ${known.join()}`);
  else if (answer.resetCode !== 0 || status === 0) tally.broken++;
  else if (status !== 200) tally.failed++;
  else if (text.startsWith(`${path} `) && headers["x-id"] === path) tally.right++;
  else tally.mixedUp.push(`${path}: ${status} ${text.slice(0, 60)}`);
}
