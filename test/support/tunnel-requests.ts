/** Requests over the tunnels of test nodes: a handler that answers whom it believes, and callers that ask. */
import type { LinkStream, StreamOwner } from "../../src/proxy/http2/link-stream.ts";
import { AS_LINE, lineOf } from "../../src/proxy/tunnel/control-request.ts";
import type { ProvenCaller } from "../../src/proxy/tunnel/proven-callers.ts";
import { NO_HANDLE } from "../../src/proxy/tunnel/sent-proofs.ts";
import type { StreamTunnel, TunnelStreams } from "../../src/proxy/tunnel/stream-handler.ts";
import type { TunnelNode } from "./tunnel-node.ts";

const QUIET: StreamOwner = {
  onStreamHead: () => undefined,
  onStreamData: (stream, bytes) => stream.credit(bytes.length),
  onStreamTrailers: () => undefined,
  onStreamReset: () => undefined,
  onStreamDrained: () => undefined,
};

/** Answers 200 to every stream with a proven caller and 403 to the others; `/hold` is never answered. */
export class AnsweringStreams implements TunnelStreams {
  readonly over: { readonly callers: readonly ProvenCaller[]; readonly reason: string }[] = [];
  held = 0;
  tunnelsGone = 0;

  request(tunnel: StreamTunnel, stream: LinkStream): void {
    stream.owner = QUIET;
    const { heads } = tunnel.link.host;
    const path = heads.requestBytes.toString("latin1", heads.request.pathStart, heads.request.pathEnd);
    const caller = tunnel.caller(Number(lineOf(heads, AS_LINE) ?? Number.NaN));
    if (path === "/hold") this.held++;
    else {
      const head = Buffer.from(`HTTP/1.1 ${caller === undefined ? 403 : 200} X\r\ncontent-length: 0\r\n\r\n`);
      stream.head(head, 0, head.length, true, false);
    }
  }

  served(): void {}

  refused(): void {}

  callersOver(_tunnel: StreamTunnel, callers: readonly ProvenCaller[], reason: string): void {
    this.over.push({ callers, reason });
  }

  gone(): void {
    this.tunnelsGone++;
  }
}

/** One request of a workload to another node: the status, or a word for why there is none. */
export async function ask(node: TunnelNode, to: string, workload: string, path = "/"): Promise<string> {
  const isUp = await new Promise<boolean>((resolve) => node.tunnels.whenUp(to, resolve));
  const link = node.tunnels.link(to);
  if (!isUp || link === null) return "down";
  let wake = (): void => undefined;
  const left = new Promise<void>((resolve) => {
    wake = resolve;
  });
  let handle = node.tunnels.handleFor(link, workload, wake);
  if (handle === NO_HANDLE.PENDING) {
    await left;
    handle = node.tunnels.handleFor(link, workload, wake);
  }
  if (handle <= 0) return `no handle ${handle}`;
  const { promise, resolve } = Promise.withResolvers<string>();
  const stream = link.openStream({
    ...QUIET,
    onStreamHead: () => resolve(String(link.link.host.heads.response.status)),
    onStreamReset: (_stream, code) => resolve(`reset ${code}`),
  });
  if (stream === null) return "no room";
  const head = Buffer.from(`GET ${path} HTTP/1.1\r\nhost: orders.prod\r\n${AS_LINE}: ${handle}\r\n\r\n`);
  stream.head(head, 0, head.length, true, false);
  return promise;
}
