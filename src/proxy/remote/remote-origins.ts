import { parseIp } from "../../model/authz/ip.ts";
import { FLAG } from "../../model/response-flags.ts";
import { ATTESTATION_COUNTER, DENIED_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import { HEADER, type RequestHead } from "../../wire/http1/head.ts";
import { latin1 } from "../bytes.ts";
import type { CallerIdentity } from "../caller.ts";
import { AuthorityMemo } from "../exchange/authority-memo.ts";
import { DecisionMemo } from "../exchange/decision-memo.ts";
import { NUMBER_LINE, SERIES_LINE } from "../exchange/request-head.ts";
import type { StreamOrigin, StreamOrigins } from "../http2/stream-origins.ts";
import { HANDLE_OF_GATEWAY, PIN_BYTES_MAX, parseHandle } from "../pin/pin-text.ts";
import type { AcceptedTunnel } from "../tunnel/accepted-tunnel.ts";
import type { ProvenCaller } from "../tunnel/proven-callers.ts";
import { KnownStreams } from "./known-streams.ts";
import { ReceivedIds } from "./received-ids.ts";
import { type RemotePlace, remoteCaller, remoteStranger } from "./remote-caller.ts";
import { RemoteOrigin, type RemoteOriginHost } from "./remote-origin.ts";

/** Pins remembered of one caller. Reason: a few for each service it calls; a node that sends others pays for them itself. */
const PINS_PER_CALLER_MAX = 512;

const AS = "x-selvedge-as";
const TO = "x-selvedge-to";
/** No such line. */
const NONE = -1;
/** More than one such line. */
const SEVERAL = -2;

interface RemoteOriginsHost extends RemoteOriginHost {
  readonly stats: StatsWriter;
}

/** What tells who has proven itself. */
export type ProvingTunnel = Pick<AcceptedTunnel, "caller" | "hasEnded" | "reportStream">;

interface Known {
  readonly proven: ProvenCaller;
  caller: CallerIdentity;
  /** By the text of their pin. */
  origins: Map<string, RemoteOrigin>;
}

/**
 * Where the streams of one tunnel come from: who speaks says the handle of a proof that was believed, and what it wants says the
 * pin, which must be one that this node's own documents know.
 */
export class RemoteOrigins implements StreamOrigins {
  /** Handle of the stream that was looked at last; 0 where it names none that is believed. */
  handle = 0;
  /** Key of the workload that it is for; `""` where it is for none. */
  reader = "";
  readonly #host: RemoteOriginsHost;
  readonly #tunnel: ProvingTunnel;
  readonly #place: RemotePlace;
  readonly #known = new Map<number, Known>();
  readonly #decisions = new DecisionMemo();
  readonly #lately = new KnownStreams();
  /** Where the lines of the head that is looked at stand, NONE or SEVERAL. */
  #as = NONE;
  #to = NONE;
  #series = NONE;
  #number = NONE;
  readonly #ids = new ReceivedIds();

  constructor(host: RemoteOriginsHost, tunnel: ProvingTunnel, place: RemotePlace) {
    this.#host = host;
    this.#tunnel = tunnel;
    this.#place = place;
  }

  /**
   * Ids that the head gives only the number of are written out in it. `null`: the proof of whom it names holds no longer; its node
   * is to send a new one, and the request once more.
   */
  of(head: RequestHead, bytes: Buffer): StreamOrigin | null {
    this.handle = 0;
    const origin = this.#find(head, bytes);
    this.reader = origin?.pin?.target.endpoint.workload ?? "";
    if (origin && this.#series >= 0 && this.#number >= 0) this.#ids.writeOut(head, bytes, this.#series, this.#number);
    return origin;
  }

  #find(head: RequestHead, bytes: Buffer): StreamOrigin | null {
    this.#findLines(head, bytes);
    const as = this.#as;
    const to = this.#to;
    const { lines } = head;
    const handle = as < 0 ? -1 : parseHandle(bytes, lines.valueStart[as]!, lines.valueEnd[as]!);
    if (handle < 0) return this.#nobody("no_handle", "a stream names no caller");
    const start = to < 0 ? 0 : lines.valueStart[to]!;
    const end = to < 0 ? 0 : Math.min(lines.valueEnd[to]!, start + PIN_BYTES_MAX + 1);
    if (handle === HANDLE_OF_GATEWAY) return this.#fromGateway(head, bytes, latin1(bytes, start, end));
    const proven = this.#tunnel.caller(handle);
    if (!proven && this.#tunnel.hasEnded(handle)) return null;
    if (!proven) return this.#nobody("unknown_handle", `a stream names handle ${handle}, which nobody has proven`);
    const again = this.#lately.find(proven, bytes, start, end);
    if (again) {
      this.handle = handle;
      return again;
    }
    const known = this.#knownFor(proven);
    if (!known) return this.#nobody("unknown_workload", `nothing is known of ${proven.workload}`);
    this.handle = handle;
    const origin = this.#fromWorkload(known, latin1(bytes, start, end));
    if (origin instanceof RemoteOrigin) this.#lately.remember(proven, bytes, start, end, origin);
    return origin;
  }

  /** Where the lines stand that are ours. */
  #findLines(head: RequestHead, bytes: Buffer): void {
    const { count, kind, nameStart, nameEnd } = head.lines;
    this.#as = NONE;
    this.#to = NONE;
    this.#series = NONE;
    this.#number = NONE;
    for (let i = 0; i < count; i++) {
      if (kind[i] !== HEADER.MESH_OWNED) continue;
      if (isNamed(bytes, nameStart[i]!, nameEnd[i]!, AS)) this.#as = this.#as === NONE ? i : SEVERAL;
      else if (isNamed(bytes, nameStart[i]!, nameEnd[i]!, TO)) this.#to = this.#to === NONE ? i : SEVERAL;
      else if (isNamed(bytes, nameStart[i]!, nameEnd[i]!, SERIES_LINE))
        this.#series = this.#series === NONE ? i : SEVERAL;
      else if (isNamed(bytes, nameStart[i]!, nameEnd[i]!, NUMBER_LINE))
        this.#number = this.#number === NONE ? i : SEVERAL;
    }
  }

  /** These are not believed any more: what goes on under their handles is over. */
  over(callers: readonly ProvenCaller[]): void {
    this.#decisions.clear();
    this.#lately.clear();
    for (const { handle } of callers) {
      const known = this.#known.get(handle);
      this.#known.delete(handle);
      for (const origin of known?.origins.values() ?? []) origin.isOver = true;
    }
  }

  #knownFor(proven: ProvenCaller): Known | null {
    const { mesh, stats } = this.#host;
    const known = this.#known.get(proven.handle);
    if (known && known.caller.epoch === mesh.epoch) return known;
    const caller = remoteCaller(mesh, this.#place, proven.workload, proven.handle);
    if (!caller) return null;
    if (known) {
      known.caller = caller;
      return known;
    }
    stats.counter(ATTESTATION_COUNTER.mtls);
    const made = { proven, caller, origins: new Map() };
    this.#known.set(proven.handle, made);
    return made;
  }

  #fromWorkload(known: Known, text: string): StreamOrigin {
    const found = known.origins.get(text);
    if (found) {
      if (found.refresh()) return found;
      known.origins.delete(text);
    }
    const ask = (): CallerIdentity | null => {
      const now = this.#tunnel.caller(known.proven.handle);
      return now ? (this.#knownFor(now)?.caller ?? null) : null;
    };
    const origin = RemoteOrigin.make(this.#host, ask, text, known.caller, this.#decisions);
    // Whoever comes through a Gateway has no identity, on its own node neither.
    if (!origin || origin.gateway) return this.#disagreeing(known.caller);
    if (known.origins.size >= PINS_PER_CALLER_MAX) known.origins = new Map();
    known.origins.set(text, origin);
    return origin;
  }

  /** The node speaks for somebody at one of its Gateways, and says from where. */
  #fromGateway(head: RequestHead, bytes: Buffer, text: string): StreamOrigin {
    const { mesh } = this.#host;
    const { node } = this.#place;
    const line = onlyLineOf(head, HEADER.FORWARDED_FOR);
    const ip = line < 0 ? "" : latin1(bytes, head.lines.valueStart[line]!, head.lines.valueEnd[line]!);
    if (parseIp(ip) === undefined) return this.#nobody("no_address", "a caller of a Gateway has no address");
    const ask = (): CallerIdentity => remoteStranger(mesh, node, ip);
    const origin = RemoteOrigin.make(this.#host, ask, text, ask());
    if (!origin) return this.#disagreeing(ask());
    // Only a Gateway lets in who has no identity.
    return origin.gateway ? origin : this.#nobody("no_handle", "a stream to a service names no caller");
  }

  /** The pin is none that this node's documents know: for a moment after they changed, or because the other node lies. */
  #disagreeing(caller: CallerIdentity): StreamOrigin {
    return refusing(caller, 503, FLAG.UH);
  }

  #nobody(reason: string, detail: string): StreamOrigin {
    this.#host.stats.counter(DENIED_COUNTER.no_identity);
    this.#tunnel.reportStream(reason, detail);
    return refusing(remoteStranger(this.#host.mesh, this.#place.node, this.#place.ip), 403, FLAG.RBAC);
  }
}

function refusing(caller: CallerIdentity, status: number, flag: number): StreamOrigin {
  return {
    caller,
    refusal: { status, flag },
    pin: null,
    fixed: null,
    gateway: null,
    gatewayPolicies: null,
    localIp: "",
    localPort: 0,
    memo: new AuthorityMemo(),
    refresh: () => false,
  };
}

function onlyLineOf(head: RequestHead, kind: number): number {
  const { lines } = head;
  let found = -1;
  for (let i = 0; i < lines.count; i++) {
    if (lines.kind[i] !== kind) continue;
    if (found >= 0) return -1;
    found = i;
  }
  return found;
}

function isNamed(bytes: Buffer, start: number, end: number, name: string): boolean {
  if (end - start !== name.length) return false;
  for (let at = 0; at < name.length; at++) if (bytes[start + at] !== name.charCodeAt(at)) return false;
  return true;
}
