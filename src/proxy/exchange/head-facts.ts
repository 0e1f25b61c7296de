import type { Caller, RequestFacts } from "../../model/request-facts.ts";
import type { HeaderEdits } from "../../model/route/header-edits.ts";
import type { HeaderLines, RequestHead } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";

const NO_VALUES: readonly string[] = Object.freeze([]);
const NOBODY: Caller = {
  workload: undefined,
  principal: "",
  trustDomain: "",
  namespace: "",
  serviceAccount: "",
  strength: "none",
  ip: "",
};

/**
 * What policies and routes may ask about a request, read from the bytes of its head when they ask. One per worker, filled in
 * anew for every request: judging never waits, so no two requests need it at once.
 */
export class HeadFacts implements RequestFacts {
  caller: Caller = NOBODY;
  destinationPort = 0;
  destinationIp = "";
  method = "";
  path = "";
  host = "";
  remoteIp = "";
  #bytes: Buffer = Buffer.alloc(0);
  #head: RequestHead | null = null;

  /** The head stays the caller's and must not change while this is asked. */
  over(bytes: Buffer, head: RequestHead): void {
    this.#bytes = bytes;
    this.#head = head;
  }

  get query(): string {
    const head = this.#head;
    return head === null || head.queryStart < 0 ? "" : latin1(this.#bytes, head.queryStart, head.queryEnd);
  }

  header(name: string): string | undefined {
    const lines = this.#head?.lines;
    if (!lines) return undefined;
    for (let i = 0; i < lines.count; i++) if (this.#isNamed(lines, i, name)) return this.#value(lines, i);
    return this.#unwrittenHost(name);
  }

  headerValues(name: string): readonly string[] {
    const lines = this.#head?.lines;
    let values: string[] | null = null;
    for (let i = 0; lines && i < lines.count; i++) {
      if (!this.#isNamed(lines, i, name)) continue;
      if (values === null) values = [this.#value(lines, i)];
      else values.push(this.#value(lines, i));
    }
    if (values !== null) return values;
    const host = this.#unwrittenHost(name);
    return host === undefined ? NO_VALUES : [host];
  }

  /** The line that a request by HTTP/2 has not, and that whoever it is for sees: its authority. */
  #unwrittenHost(name: string): string | undefined {
    const head = this.#head;
    if (name !== "host" || head === null || head.authorityEnd <= head.authorityStart) return undefined;
    return latin1(this.#bytes, head.authorityStart, head.authorityEnd);
  }

  #value(lines: HeaderLines, i: number): string {
    return latin1(this.#bytes, lines.valueStart[i]!, lines.valueEnd[i]!);
  }

  #isNamed(lines: HeaderLines, i: number, name: string): boolean {
    // What `Connection` names does not reach the workload, so nobody may be judged by it.
    if (lines.nominated[i] === 1) return false;
    const start = lines.nameStart[i]!;
    if (lines.nameEnd[i]! - start !== name.length) return false;
    const bytes = this.#bytes;
    for (let at = 0; at < name.length; at++) {
      const byte = bytes[start + at]!;
      const lower = byte >= 65 && byte <= 90 ? byte | 32 : byte;
      if (lower !== name.charCodeAt(at)) return false;
    }
    return true;
  }
}

/** The same request as the workload will receive it: after rewrites and header edits. */
export class ForwardedFacts implements RequestFacts {
  destinationPort = 0;
  destinationIp = "";
  path = "";
  host = "";
  readonly #received: HeadFacts;
  #edits: HeaderEdits | null = null;

  constructor(received: HeadFacts) {
    this.#received = received;
  }

  /** Starts from what was received. */
  begin(path: string, host: string, edits: HeaderEdits | null): void {
    this.path = path;
    this.host = host;
    this.#edits = edits;
  }

  get caller(): Caller {
    return this.#received.caller;
  }
  get method(): string {
    return this.#received.method;
  }
  get query(): string {
    return this.#received.query;
  }
  get remoteIp(): string {
    return this.#received.remoteIp;
  }

  header(name: string): string | undefined {
    return this.#edits === null ? this.#received.header(name) : this.headerValues(name)[0];
  }

  headerValues(name: string): readonly string[] {
    const edits = this.#edits;
    if (edits === null) return this.#received.headerValues(name);
    const received = edits.dropped.has(name) ? NO_VALUES : this.#received.headerValues(name);
    let values: string[] | null = null;
    for (const line of edits.lines) {
      if (line.name.length !== name.length || line.name.toLowerCase() !== name) continue;
      values ??= [...received];
      values.push(line.value);
    }
    return values ?? received;
  }
}
