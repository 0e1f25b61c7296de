import { SplitRegistry } from "../../src/model/route/split-registry.ts";
import type { SnapshotRecord } from "../../src/model/snapshot.ts";
import type { CallerIdentity } from "../../src/proxy/caller.ts";
import { AuthorityMemo } from "../../src/proxy/exchange/authority-memo.ts";
import { Decider, OUTCOME } from "../../src/proxy/exchange/decide.ts";
import { writeRequestHead } from "../../src/proxy/exchange/request-head.ts";
import type { RequestOrigin } from "../../src/proxy/exchange/request-origin.ts";
import { Mesh } from "../../src/proxy/mesh/mesh.ts";
import { RecordStore } from "../../src/proxy/mesh/store.ts";
import { UNKNOWN_WORKLOAD } from "../../src/proxy/mesh/workload.ts";
import { type Pin, Pins } from "../../src/proxy/pin/pin.ts";
import { judgePinnedStream, judgeStream, type StreamVerdict } from "../../src/proxy/relay/judge-stream.ts";
import { EndpointRegistry } from "../../src/proxy/upstream/endpoint-registry.ts";
import { RandomPool } from "../../src/telemetry/random-pool.ts";
import { RequestHead } from "../../src/wire/http1/head.ts";
import { parseRequestHead } from "../../src/wire/http1/parse-request.ts";
import { loneEndpointHost } from "./lone-endpoint-host.ts";
import { compileYaml } from "./worker-harness.ts";

/** What one node made of a request. */
export interface NodeDecision {
  readonly outcome: "forward" | "reply" | "passthrough";
  readonly status: number;
  readonly flag: number;
  readonly reason: string;
  /** Where it goes: the endpoint's address, `""` where it goes nowhere. */
  readonly address: string;
  /** Name of the other node it goes to, or `""`. */
  readonly node: string;
  /** The head as it would be sent on, `""` where it is not. */
  readonly head: string;
  readonly responseEdits: readonly string[];
}

/** Only the decisions of one node's worker: no socket, no clock that moves. */
export class NodeDecider {
  readonly mesh: Mesh;
  readonly #store = new RecordStore();
  readonly #decider: Decider;
  readonly #pins: Pins;
  readonly #pool = new RandomPool((into) => crypto.getRandomValues(into));
  readonly #node: string;
  #generation = 0;
  #turn = 0;

  constructor(node: string, yaml: string) {
    this.#node = node;
    const host = loneEndpointHost();
    this.mesh = new Mesh(this.#store, new EndpointRegistry(host), new SplitRegistry(Math.random));
    this.#decider = new Decider(this.mesh, host, () => this.#turn++);
    this.#pins = new Pins(this.mesh);
    this.serve(yaml);
  }

  /** Serves other documents from now on. @param change what the node's own keeper does to a record, drains say. */
  serve(yaml: string, change = (record: SnapshotRecord): SnapshotRecord => record): void {
    const records = new Map(compileYaml(yaml, this.#node).map((record) => [record.key, change(record)]));
    this.#store.replace(++this.#generation, records);
    this.mesh.commit();
  }

  /** A workload of the documents as caller; `""`: nobody. */
  caller(key: string, ip = "127.0.0.1"): CallerIdentity {
    const workload = key === "" ? UNKNOWN_WORKLOAD : this.mesh.workload(key)!;
    const { principal, namespace, serviceAccount } = workload.record;
    const facts = {
      workload: key === "" ? undefined : key,
      principal,
      trustDomain: principal.split("/")[0]!,
      namespace,
      serviceAccount,
      strength: key === "" ? ("none" as const) : ("uid" as const),
      ip,
    };
    return { facts, workload, uid: -1, cgroupId: 0n, isFromKeeper: false, node: "", epoch: this.mesh.epoch };
  }

  pin(text: string): Pin | null {
    return this.#pins.find(text);
  }

  /** A request as a caller of this node sends it, or, with a pin, as another node does. */
  decide(request: string, caller: CallerIdentity, pin: Pin | null = null, gateway: string | null = null): NodeDecision {
    const record = gateway === null ? undefined : this.mesh.gatewayListener(gateway);
    const origin: RequestOrigin = {
      caller,
      pin,
      fixed: pin?.parent ?? null,
      gateway: pin?.gateway?.table ?? (record?.gateway ? this.mesh.gatewayTable(record.gateway) : null),
      gatewayPolicies:
        pin?.gateway?.policies ?? (record?.gateway ? this.mesh.policySet(record.gateway.policies, false) : null),
      localIp: "127.0.0.1",
      localPort: pin?.gateway?.port ?? record?.port ?? 15_001,
      memo: new AuthorityMemo(),
    };
    return this.decideFrom(origin, request);
  }

  /** A request that comes in there. */
  decideFrom(origin: RequestOrigin, request: string): NodeDecision {
    const bytes = Buffer.from(request, "latin1");
    const head = new RequestHead();
    if (parseRequestHead(bytes, 0, bytes.length, head) <= 0) throw new Error("the test's request is malformed");
    const decider = this.#decider;
    const outcome = decider.decide(origin, bytes, head, null, null);
    decider.chosen = -1;
    const { plan } = decider;
    return {
      outcome: outcome === OUTCOME.FORWARD ? "forward" : outcome === OUTCOME.REPLY ? "reply" : "passthrough",
      status: decider.status,
      flag: decider.flag,
      reason: decider.reason,
      address: plan?.target.endpoint.address ?? "",
      node: plan?.target.node ?? "",
      head: plan ? this.#written(bytes, head, plan) : "",
      responseEdits: (plan?.responseEdits?.lines ?? []).map(({ name, value }) => `${name}: ${value}`),
    };
  }

  /** A TCP stream that a caller of this node asks for by `authority`. */
  judge(authority: string, caller: CallerIdentity): StreamVerdict {
    const destination = this.mesh.resolve(authority, caller.facts.namespace, 443);
    if (!destination) throw new Error(`nothing is called ${authority}`);
    return judgeStream(this.mesh, caller, destination, 0, () => this.#turn++);
  }

  /** One that another node asks for. */
  judgePinned(pin: Pin, caller: CallerIdentity): StreamVerdict {
    return judgePinnedStream(this.mesh, caller, pin);
  }

  #written(bytes: Buffer, head: RequestHead, plan: NonNullable<Decider["plan"]>): string {
    const into = Buffer.alloc(16_384);
    if (plan.pin) plan.speakAs(7);
    return into.toString("latin1", 0, writeRequestHead(into, 0, bytes, head, plan.headPlan, this.#pool));
  }
}
