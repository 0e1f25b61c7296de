import { Timer, type TimerWheel } from "../../base/timer-wheel.ts";
import { OWNER, type SockDiag } from "../../kernel/sock-diag.ts";
import { isOwnedBy } from "../../model/attest.ts";
import type { IdentityStrength } from "../../model/request-facts.ts";
import { ATTESTATION_COUNTER, type AttestationResult, LIMIT_COUNTER } from "../../telemetry/fixed-metrics.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { CallerIdentity } from "../caller.ts";
import { ATTEST_CACHE_MAX, ATTEST_TIMEOUT_MS, ATTESTATIONS_PENDING_MAX } from "../limits.ts";
import type { Mesh } from "../mesh/mesh.ts";
import type { RecordStore } from "../mesh/store.ts";
import { UNKNOWN_WORKLOAD, type Workload } from "../mesh/workload.ts";
import { CallerTable } from "./caller-table.ts";

/** Asks the keeper who owns a socket. */
export type AskKeeper = (
  requestId: number,
  side: "caller" | "listener",
  uid: number,
  inode: bigint,
  cgroupId: bigint,
) => boolean;

/** The four addresses of a connection and its descriptor. */
export interface Ends {
  readonly localIp: string;
  readonly localPort: number;
  readonly remoteIp: string;
  readonly remotePort: number;
  readonly fd: number;
}

interface KeeperAnswer {
  readonly workload: string;
  readonly strength: IdentityStrength;
}

interface AttestorHost {
  readonly mesh: Mesh;
  readonly store: RecordStore;
  readonly stats: StatsWriter;
  readonly wheel: TimerWheel;
  nowMs(): number;
}

const NOBODY: KeeperAnswer = { workload: "", strength: "none" };
const RESULT_OF_OWNER: Readonly<Record<number, AttestationResult>> = {
  [OWNER.NOT_FOUND]: "closed",
  [OWNER.NO_INODE]: "closed",
  [OWNER.WRONG_STATE]: "closed",
  [OWNER.FOREIGN]: "none",
  [OWNER.REUSED]: "reused",
  [OWNER.ERROR]: "error",
};

/** Who is at the other end of a connection (DESIGN 5.1). Every doubt is *no identity*. */
export class Attestor {
  /** Registered runs the keeper knows of: unmatched callers are asked about only while there are some. */
  runs = 0;
  readonly #diag: SockDiag;
  readonly #host: AttestorHost;
  readonly #ask: AskKeeper;
  #table: CallerTable | null = null;
  #tableEpoch = -1;
  readonly #pending = new Map<number, (answer: KeeperAnswer) => void>();
  #requestId = 0;
  /** Answers by user and cgroup. A process's path or tree is its own, so answers about those are not kept. */
  #cache = new Map<string, KeeperAnswer>();

  constructor(diag: SockDiag, host: AttestorHost, ask: AskKeeper) {
    this.#diag = diag;
    this.#host = host;
    this.#ask = ask;
  }

  /** The caller of an accepted connection; `null`: the keeper was asked, `later` will be called. */
  caller(ends: Ends, later: (caller: CallerIdentity) => void): CallerIdentity | null {
    const diag = this.#diag;
    const found = diag.peerOf(ends.localIp, ends.localPort, ends.remoteIp, ends.remotePort, ends.fd);
    if (found !== OWNER.FOUND) {
      this.#host.stats.counter(ATTESTATION_COUNTER[RESULT_OF_OWNER[found] ?? "error"]);
      return this.unknown(ends.remoteIp);
    }
    const { uid } = diag;
    const { cgroupId } = diag;
    const table = this.#callers();
    if (!table.needsKeeperFor(uid)) {
      const workload = table.byUid(uid);
      if (workload !== "") {
        this.#host.stats.counter(ATTESTATION_COUNTER.uid);
        return this.#identity({ workload, strength: "uid" }, ends.remoteIp, uid, cgroupId, false);
      }
      if (this.runs === 0) {
        this.#host.stats.counter(ATTESTATION_COUNTER.none);
        return this.#identity(NOBODY, ends.remoteIp, uid, cgroupId, false);
      }
    }
    const key = `${uid}/${cgroupId}`;
    const known = this.#cache.get(key);
    if (known) {
      this.#host.stats.counter(ATTESTATION_COUNTER.cgroup);
      return this.#identity(known, ends.remoteIp, uid, cgroupId, true);
    }
    const isAsked = this.#askKeeper("caller", uid, BigInt(diag.inode), cgroupId, (answer) => {
      if (answer.strength === "cgroup" && this.#cache.size < ATTEST_CACHE_MAX) this.#cache.set(key, answer);
      this.#host.stats.counter(ATTESTATION_COUNTER[answer.strength]);
      later(this.#identity(answer, ends.remoteIp, uid, cgroupId, true));
    });
    return isAsked ? null : this.unknown(ends.remoteIp);
  }

  /** Whether the process behind a connection that we opened is `workload`; answers once, possibly later. */
  listener(workload: Workload, ends: Ends, answer: (isOurs: boolean) => void): void {
    const { record } = workload;
    const diag = this.#diag;
    const found = diag.acceptorOf(ends.localIp, ends.localPort, ends.remoteIp, ends.remotePort, ends.fd);
    if (found !== OWNER.FOUND) {
      answer(false);
      return;
    }
    const { uid } = diag;
    const isByUid = record.selectors.some((entry) => entry.every((selector) => selector.type === "uid"));
    if (isByUid && isOwnedBy(record, { uid, cgroupPath: undefined, exe: undefined, run: undefined })) {
      answer(true);
      return;
    }
    const needs = this.runs > 0 || record.selectors.some((entry) => entry.some((selector) => selector.type !== "uid"));
    const isAsked =
      needs &&
      this.#askKeeper("listener", uid, BigInt(diag.inode), diag.cgroupId, (owner) => {
        // Several workloads may share an account and a process's identity; the principal is what counts.
        const other = owner.workload === "" ? undefined : this.#host.mesh.workload(owner.workload);
        answer(other?.record.principal === record.principal);
      });
    if (!isAsked) answer(false);
  }

  /** The keeper's answer. One to a request that was given up is dropped. */
  replied(requestId: number, answer: KeeperAnswer): void {
    const waiting = this.#pending.get(requestId);
    this.#pending.delete(requestId);
    waiting?.(answer);
  }

  /** The keeper is gone: nobody will answer. */
  keeperGone(): void {
    for (const requestId of [...this.#pending.keys()]) this.replied(requestId, NOBODY);
  }

  /** A caller nothing is known of. */
  unknown(ip: string): CallerIdentity {
    return this.#identity(NOBODY, ip, -1, 0n, false);
  }

  /** The same connection under the snapshot that is served now; `null`: it has to be asked for anew, with a new connection. */
  again(caller: CallerIdentity): CallerIdentity | null {
    const { mesh } = this.#host;
    if (caller.epoch === mesh.epoch) return caller;
    if (caller.uid < 0) return { ...caller, epoch: mesh.epoch };
    if (!caller.isFromKeeper) {
      const table = this.#callers();
      if (table.needsKeeperFor(caller.uid)) return null;
      const workload = table.byUid(caller.uid);
      // Somebody without identity may be a registered run by now.
      if (workload === "" && caller.facts.workload === undefined && this.runs > 0) return null;
      const answer: KeeperAnswer = workload === "" ? NOBODY : { workload, strength: "uid" };
      return this.#identity(answer, caller.facts.ip, caller.uid, caller.cgroupId, false);
    }
    const now = caller.facts.workload === undefined ? undefined : mesh.workload(caller.facts.workload);
    const isSame =
      now !== undefined &&
      now.selectorsText === caller.workload.selectorsText &&
      now.record.principal === caller.workload.record.principal;
    if (!isSame) return null;
    const answer = { workload: now.key, strength: caller.facts.strength };
    return this.#identity(answer, caller.facts.ip, caller.uid, caller.cgroupId, true);
  }

  #callers(): CallerTable {
    const { store } = this.#host;
    if (!this.#table || this.#tableEpoch !== store.workloadsEpoch) {
      this.#table = new CallerTable(store.all("workload"));
      this.#tableEpoch = store.workloadsEpoch;
      this.#cache = new Map();
    }
    return this.#table;
  }

  #askKeeper(
    side: "caller" | "listener",
    uid: number,
    inode: bigint,
    cgroupId: bigint,
    answer: (answer: KeeperAnswer) => void,
  ): boolean {
    const { stats, wheel } = this.#host;
    if (this.#pending.size >= ATTESTATIONS_PENDING_MAX) {
      stats.counter(LIMIT_COUNTER.attestations_pending);
      stats.counter(ATTESTATION_COUNTER.overload);
      return false;
    }
    this.#requestId = (this.#requestId + 1) >>> 0;
    const requestId = this.#requestId;
    if (!this.#ask(requestId, side, uid, inode, cgroupId)) return false;
    const timer = new Timer(() => {
      stats.counter(ATTESTATION_COUNTER.timeout);
      this.replied(requestId, NOBODY);
    });
    wheel.arm(timer, this.#host.nowMs(), ATTEST_TIMEOUT_MS);
    this.#pending.set(requestId, (found) => {
      wheel.cancel(timer);
      answer(found);
    });
    return true;
  }

  #identity(answer: KeeperAnswer, ip: string, uid: number, cgroupId: bigint, isFromKeeper: boolean): CallerIdentity {
    const { mesh } = this.#host;
    const workload = (answer.workload === "" ? undefined : mesh.workload(answer.workload)) ?? UNKNOWN_WORKLOAD;
    const isKnown = workload !== UNKNOWN_WORKLOAD;
    const { principal, namespace, serviceAccount } = workload.record;
    return {
      facts: {
        workload: isKnown ? workload.key : undefined,
        principal,
        trustDomain: isKnown ? mesh.site.trustDomain : "",
        namespace,
        serviceAccount,
        strength: isKnown ? answer.strength : "none",
        ip,
      },
      workload,
      uid,
      cgroupId,
      isFromKeeper,
      node: "",
      epoch: mesh.epoch,
    };
  }
}
