import type { RequestOrigin } from "../exchange/request-origin.ts";
import type { Target } from "../mesh/destination.ts";

/** Whether another node would know whom it serves: a workload by its proof, or a caller of a Gateway. */
export function mayCross(origin: Pick<RequestOrigin, "caller" | "gateway">): boolean {
  return origin.gateway !== null || origin.caller.facts.workload !== undefined;
}

/**
 * The target for one request: of two that are up, chosen at random, the one with fewer requests under way (power of two
 * choices); or as the port's DestinationRule says, any that is up, or each in turn. Where none is up, one that is down is tried all the same: refusing without trying would outlast the outage.
 * Drained ones get nothing. `null`: there is nobody to ask.
 *
 * @param random answers 0 to 2^32 - 1; asked only where there is a choice
 */
export function pickTarget(targets: readonly Target[], nowMs: number, random: () => number): Target | null {
  if (targets.length === 1) return targets[0]!.isDrained ? null : targets[0]!;
  return pickOfMany(targets, nowMs, random);
}

/**
 * The target for another attempt after `failed`, one that is up before one that is down; `failed` where there is no other.
 * Only where the same policies hold and the same principal serves: the Permit, and what the head says of whom it is for,
 * are for those. None where another node has chosen: it tries elsewhere itself.
 */
export function pickOther(
  origin: Pick<RequestOrigin, "caller" | "gateway" | "pin">,
  failed: Target,
  nowMs: number,
): Target {
  if (origin.pin) return failed;
  const isLocalOnly = !mayCross(origin);
  let fallback = failed;
  const principal = failed.workload?.record.principal;
  for (const target of failed.port.targets) {
    if (target === failed || target.isDrained || target.policies !== failed.policies) continue;
    if (target.workload?.record.principal !== principal || (isLocalOnly && target.node !== "")) continue;
    if (target.endpoint.isUp(nowMs)) return target;
    if (fallback === failed) fallback = target;
  }
  return fallback;
}

function pickOfMany(targets: readonly Target[], nowMs: number, random: () => number): Target | null {
  const count = targets.length;
  if (count === 0) return null;
  const { port } = targets[0]!;
  const balancer = port.kind === "service" ? port.record.loadBalancer : undefined;
  const looks = balancer === "RANDOM" || balancer === "ROUND_ROBIN" ? 1 : 2;
  let best: Target | null = null;
  let fallback: Target | null = null;
  let seen = 0;
  // Starting at a random place and looking at two that are up is two random choices without building a list.
  const start = (balancer === "ROUND_ROBIN" && port.kind === "service" ? port.turn++ : random()) % count;
  for (let i = 0; i < count && seen < looks; i++) {
    const target = targets[(start + i) % count]!;
    if (target.isDrained) continue;
    if (!target.endpoint.isUp(nowMs)) {
      fallback ??= target;
      continue;
    }
    seen++;
    if (best === null || target.endpoint.inFlight < best.endpoint.inFlight) best = target;
  }
  return best ?? fallback;
}
