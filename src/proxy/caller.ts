import type { Caller } from "../model/request-facts.ts";
import type { Workload } from "./mesh/workload.ts";

/** Who opened a connection, as far as the kernel vouches for it. One per connection; replaced when the snapshot changes it. */
export interface CallerIdentity {
  readonly facts: Caller;
  /** The workload, or the stand-in for callers without identity. */
  readonly workload: Workload;
  /** What the kernel said, for judging again under another snapshot; -1 = it said nothing. */
  readonly uid: number;
  readonly cgroupId: bigint;
  /** The keeper had to be asked: it cannot be judged again here. */
  readonly isFromKeeper: boolean;
  /** Name of the node it called from where that is another one, whose proof it is then; else `""`. */
  readonly node: string;
  /** `Mesh.epoch` it was judged under. */
  readonly epoch: number;
}
