import type { TimerWheel } from "../../base/timer-wheel.ts";
import type { StatsWriter } from "../../telemetry/stats-writer.ts";
import type { LinkHost } from "../http2/link.ts";
import type { TunnelDocuments } from "./documents.ts";
import type { Keys } from "./keys.ts";
import type { RefusalReports } from "./refusal-reports.ts";
import type { TunnelTrust } from "./trust.ts";

/** A tunnel's state as the keeper is told of it. */
export interface TunnelState {
  readonly node: string;
  /** Which end this node is. */
  readonly direction: "dialer" | "listener";
  readonly isUp: boolean;
  readonly address: string;
  readonly reason: string;
}

/** What all parts of the transport share: one of each per worker. */
export interface TunnelHost {
  readonly wheel: TimerWheel;
  readonly stats: Pick<StatsWriter, "counter">;
  readonly links: LinkHost;
  readonly keys: Keys;
  readonly trust: TunnelTrust;
  readonly documents: TunnelDocuments;
  readonly reports: RefusalReports;
  /** On the monotonic clock; reading it sets `links.now`. */
  nowMs(): number;
  /** From 0 up to 1, for jitter. */
  random(): number;
  tell(state: TunnelState): void;
}
