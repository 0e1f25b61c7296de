/** Compares what was seen with what the vector asks for. */
import type { SeenConnection, SeenResponse } from "./judge.ts";
import type { Forwarded, RequestVerdict, ResponseVerdict } from "./vector.ts";

/** `""` where what was seen is the verdict, else the first difference in words. */
export function requestDifference(verdict: RequestVerdict, seen: SeenConnection): string {
  const saw = `saw ${seen.requests.length} requests, then ${seen.end} ${seen.reason}`;
  if ("refuse" in verdict) {
    return seen.requests.length === 0 && seen.end === verdict.refuse
      ? ""
      : `must be refused with ${verdict.refuse}, ${saw}`;
  }
  if ("wait" in verdict) return seen.requests.length === 0 && seen.end === "wait" ? "" : `must be waited for, ${saw}`;
  if (seen.requests.length !== verdict.requests || seen.end !== verdict.end) {
    return `must be ${verdict.requests} requests, then ${verdict.end}, ${saw}`;
  }
  const request = seen.requests[0]!;
  for (const key of Object.keys(verdict.accept) as (keyof Forwarded)[]) {
    const wanted = JSON.stringify(verdict.accept[key]);
    const got = JSON.stringify(request[key]);
    if (wanted !== got) return `${key} must be ${wanted}, is ${got}`;
  }
  return "";
}

/** `""` where what was seen is the verdict, else the difference in words. */
export function responseDifference(verdict: ResponseVerdict, seen: SeenResponse): string {
  const got =
    seen.outcome === "complete" ? { status: seen.status, body: seen.body, extraBytes: seen.extraBytes } : null;
  const saw = `saw ${seen.outcome} ${seen.reason} ${JSON.stringify(got)}`;
  if ("refuse" in verdict) return seen.outcome === "refused" ? "" : `must be refused, ${saw}`;
  if ("wait" in verdict) return seen.outcome === "wait" ? "" : `must be waited for, ${saw}`;
  return JSON.stringify(got) === JSON.stringify(verdict) ? "" : `must be ${JSON.stringify(verdict)}, ${saw}`;
}
