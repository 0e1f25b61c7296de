import { type Attested, attest, isOwnedBy, NO_IDENTITY, type OwnerFacts } from "../../model/attest.ts";
import type { AttestSide } from "../../wire/channel/to-keeper-frame.ts";
import type { CallerIndex, LocalWorkload } from "./caller-index.ts";
import { FairQueue } from "./fair-queue.ts";
import type { Run } from "./runs.ts";

/** Questions that may wait. Reason: a worker gives up after 100 ms, and each takes up to a few milliseconds. */
export const ATTEST_WAITING_MAX = 256;

/** Questions answered in one turn of the loop, so that the keeper stays awake for everything else. */
export const ATTEST_PER_TURN = 8;

/** What the kernel knows, as far as it takes more than the worker may do. */
export interface OwnerSources {
  /** The cgroup's path where root put the process there; else `undefined`. */
  trustedCgroup(id: bigint): string | undefined;
  /** The run below which a process has the socket, and its program. */
  holder(
    runs: readonly Run[],
    inode: bigint,
    uid: number,
  ): { readonly run: Run; readonly exe: string | undefined } | undefined;
}

export interface AttestQuestion {
  readonly side: AttestSide;
  readonly uid: number;
  readonly inode: bigint;
  readonly cgroupId: bigint;
}

/** Answers workers' questions about who owns a socket. Whatever cannot be established is no identity. */
export class AttestService {
  readonly #sources: OwnerSources;
  readonly #runs: () => readonly Run[];
  /** By user: one that opens connections without end, of which each may take a walk through /proc, hinders only itself. */
  readonly #waiting = new FairQueue<{ question: AttestQuestion; answer: (attested: Attested) => void }>(
    ATTEST_WAITING_MAX,
  );
  #index: CallerIndex;
  #isScheduled = false;

  constructor(sources: OwnerSources, runs: () => readonly Run[], index: CallerIndex) {
    this.#sources = sources;
    this.#runs = runs;
    this.#index = index;
  }

  /** Another generation is served. */
  use(index: CallerIndex): void {
    this.#index = index;
  }

  /** Calls `answer` once: soon, or at once with no identity where too many questions wait. */
  ask(question: AttestQuestion, answer: (attested: Attested) => void): void {
    if (this.#waiting.add(question.uid, { question, answer })) this.#schedule();
    else answer(NO_IDENTITY);
  }

  /** The facts about a socket's owner, also for `status`. */
  ownerOf(question: Pick<AttestQuestion, "uid" | "inode" | "cgroupId">): OwnerFacts {
    const cgroupPath = this.#sources.trustedCgroup(question.cgroupId);
    const runs = this.#runs();
    const held = runs.length === 0 ? undefined : this.#sources.holder(runs, question.inode, question.uid);
    const run = held && { workload: held.run.workload, registeredByUid: held.run.registeredByUid };
    return { uid: question.uid, cgroupPath, exe: held?.exe, run };
  }

  attest(owner: OwnerFacts): Attested {
    return attest(owner, this.#index.candidates(owner.uid, owner.run?.workload));
  }

  isOwnedBy(workload: LocalWorkload, owner: OwnerFacts): boolean {
    return isOwnedBy(workload, owner);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      for (let i = 0; i < ATTEST_PER_TURN; i++) {
        const next = this.#waiting.take();
        if (next === undefined) break;
        next.answer(this.attest(this.ownerOf(next.question)));
      }
      if (this.#waiting.size > 0) this.#schedule();
    });
  }
}
