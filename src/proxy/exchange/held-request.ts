import type { HeaderEdits } from "../../model/route/header-edits.ts";
import type { RequestHead } from "../../wire/http1/head.ts";
import { ForwardedFacts, HeadFacts } from "./head-facts.ts";

/**
 * A request that became a stream, as it was judged: kept to judge the stream again under every new snapshot. It holds on to
 * the head's bytes and index, which belong to it once the connection speaks HTTP no more.
 */
export class HeldRequest {
  readonly asReceived = new HeadFacts();
  readonly asForwarded = new ForwardedFacts(this.asReceived);
  /** Key of the service that was asked for; `null`: it came through a Gateway or went out of the mesh. */
  readonly serviceKey: string | null;

  constructor(
    bytes: Buffer,
    head: RequestHead,
    received: HeadFacts,
    forwarded: ForwardedFacts,
    edits: HeaderEdits | null,
    serviceKey: string | null,
  ) {
    const { asReceived, asForwarded } = this;
    asReceived.over(bytes, head);
    asReceived.caller = received.caller;
    asReceived.remoteIp = received.remoteIp;
    asReceived.destinationIp = received.destinationIp;
    asReceived.destinationPort = received.destinationPort;
    asReceived.method = received.method;
    asReceived.path = received.path;
    asReceived.host = received.host;
    asForwarded.begin(forwarded.path, forwarded.host, edits);
    asForwarded.destinationPort = forwarded.destinationPort;
    asForwarded.destinationIp = forwarded.destinationIp;
    this.serviceKey = serviceKey;
  }
}
