import type { ListenerRecord } from "../../model/snapshot.ts";

/** Where connections come in: a listener that is open. */
export interface Entrance {
  /** Of the snapshot that is served; replaced when that changes. */
  record: ListenerRecord;
  /** The port that was really opened. */
  port: number;
}
