/** A node in the wrong hands: it has its own certificates and those of its workloads, and says on its tunnel what it likes. */

import { latin1 } from "../../src/proxy/bytes.ts";
import type { StreamOwner } from "../../src/proxy/http2/link-stream.ts";
import { NO_HANDLE } from "../../src/proxy/tunnel/sent-proofs.ts";
import type { TunnelLink } from "../../src/proxy/tunnel/tunnel-link.ts";
import type { TunnelIdentities } from "./tunnel-identities.ts";
import { TunnelNode, type TunnelPlace } from "./tunnel-node.ts";

/** What the other node answered; status 0: the stream was reset. */
export interface StreamAnswer {
  readonly status: number;
  readonly flag: string;
  readonly id: string;
  readonly body: string;
}

/** Dispose of it. */
export class StolenNode implements Disposable {
  readonly node: TunnelNode;
  #link: TunnelLink | null = null;

  constructor(identities: TunnelIdentities, name: string) {
    this.node = new TunnelNode(identities, name);
  }

  /** @param workloads keys of those on this node. */
  async dial(
    there: Required<Pick<TunnelPlace, "name" | "hostname" | "port">>,
    workloads: readonly string[],
  ): Promise<void> {
    this.node.trust();
    await this.node.issue(workloads);
    this.node.serve([{ name: this.node.name, workloads }, there]);
    this.#link = await this.node.up(there.name);
  }

  get link(): TunnelLink {
    if (!this.#link) throw new Error("it has not dialed");
    return this.#link;
  }

  /** Proves a workload of its own; answers its handle. */
  async prove(workload: string): Promise<number> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const handle = this.node.tunnels.handleFor(this.link, workload, resolve);
    if (handle !== NO_HANDLE.PENDING) return handle;
    await promise;
    return this.node.tunnels.handleFor(this.link, workload, () => undefined);
  }

  /** Sends a head as text, without its empty line, and ends the request with it. */
  ask(lines: readonly string[]): Promise<StreamAnswer> {
    const { promise, resolve } = Promise.withResolvers<StreamAnswer>();
    const { heads } = this.link.link.host;
    let answer = { status: 0, flag: "", id: "", body: "" };
    const line = (name: string): string => {
      const { lines: index } = heads.response;
      for (let i = 0; i < index.count; i++) {
        if (latin1(heads.responseBytes, index.nameStart[i]!, index.nameEnd[i]!) !== name) continue;
        return latin1(heads.responseBytes, index.valueStart[i]!, index.valueEnd[i]!);
      }
      return "";
    };
    const owner: StreamOwner = {
      onStreamHead: (_stream, isEnd) => {
        const { status } = heads.response;
        answer = { status, flag: line("x-selvedge-reason"), id: line("x-selvedge-id"), body: "" };
        if (isEnd) resolve(answer);
      },
      onStreamData: (stream, bytes, isEnd) => {
        answer = { ...answer, body: answer.body + bytes.toString("latin1") };
        stream.credit(bytes.length);
        if (isEnd) resolve(answer);
      },
      onStreamTrailers: () => resolve(answer),
      onStreamReset: () => resolve({ ...answer, status: 0 }),
      onStreamDrained: () => undefined,
    };
    const stream = this.link.openStream(owner);
    if (!stream) throw new Error("the link takes no stream");
    const head = Buffer.from(`${lines.join("\r\n")}\r\n\r\n`, "latin1");
    const isConnect = lines[0]?.startsWith("CONNECT ") === true;
    stream.head(head, 0, head.length, !isConnect, false);
    return promise;
  }

  [Symbol.dispose](): void {
    this.node[Symbol.dispose]();
  }
}
