import { RequestHead } from "../../wire/http1/head.ts";
import { TUNNEL_REQUEST_BOUNDS } from "../../wire/http2/limits.ts";

/** First size of the memory for a head. */
const BYTES_MIN = 1024;
/** More is not kept from one request to the next. */
const BYTES_KEPT_MAX = 8 * 1024;

/** A request head of one stream, kept as long as the stream: what it was read into serves the next frame already. */
export class RequestCopy {
  readonly head = new RequestHead(TUNNEL_REQUEST_BOUNDS.lines);
  bytes: Buffer = Buffer.alloc(0);

  /** Takes over `from`, which indexes into `bytes`. */
  take(from: RequestHead, bytes: Buffer): void {
    // The method of a WebSocket stands behind the head.
    const length = Math.max(from.end, from.methodEnd);
    const isRight = this.bytes.length >= length && this.bytes.length <= Math.max(length, BYTES_KEPT_MAX);
    if (!isRight) this.bytes = Buffer.allocUnsafeSlow(Math.max(BYTES_MIN, (length + 255) & ~255));
    bytes.copy(this.bytes, 0, 0, length);
    copyIndex(this.head, from);
  }
}

function copyIndex(to: RequestHead, from: RequestHead): void {
  to.method = from.method;
  to.methodStart = from.methodStart;
  to.methodEnd = from.methodEnd;
  to.form = from.form;
  to.targetStart = from.targetStart;
  to.targetEnd = from.targetEnd;
  to.pathStart = from.pathStart;
  to.pathEnd = from.pathEnd;
  to.queryStart = from.queryStart;
  to.queryEnd = from.queryEnd;
  to.isPathPlain = from.isPathPlain;
  to.version = from.version;
  to.authorityStart = from.authorityStart;
  to.authorityEnd = from.authorityEnd;
  to.body = from.body;
  to.contentLength = from.contentLength;
  to.isKeepAlive = from.isKeepAlive;
  to.expectsContinue = from.expectsContinue;
  to.upgradeLine = from.upgradeLine;
  to.end = from.end;
  const a = to.lines;
  const b = from.lines;
  const { count } = b;
  for (let i = 0; i < count; i++) {
    a.kind[i] = b.kind[i]!;
    a.nameStart[i] = b.nameStart[i]!;
    a.nameEnd[i] = b.nameEnd[i]!;
    a.valueStart[i] = b.valueStart[i]!;
    a.valueEnd[i] = b.valueEnd[i]!;
    a.nominated[i] = b.nominated[i]!;
  }
  a.count = count;
  a.nominatedCount = b.nominatedCount;
  a.hostLine = b.hostLine;
  a.contentLengthLine = b.contentLengthLine;
  a.transferEncodingLine = b.transferEncodingLine;
  a.connectionLine = b.connectionLine;
  a.upgradeLine = b.upgradeLine;
  a.expectLine = b.expectLine;
  a.repeatedKinds = b.repeatedKinds;
}
