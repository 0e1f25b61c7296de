import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { bytesOf } from "../http1/judge.ts";
import type { RequestVector } from "../http1/vector.ts";
import { HONEST_REQUESTS, REQUEST_VECTORS } from "../http1/vectors/all.ts";
import { askOrigin, type SeenByOrigin } from "./ask-origin.ts";
import { type Garden, isInstalled, ORIGIN_NAMES, type Origin, startGarden } from "./origins.ts";
import { reserialise } from "./reserialise.ts";

const TIMEOUT_MS = 60_000;
/** An origin that refuses what we forward proves nothing about it; so it must understand most. */
const UNDERSTOOD_SHARE_MIN = 0.9;
/** Raw hostile requests on which at least two origins must disagree, or the garden could not see a disagreement. */
const DISAGREEMENTS_MIN = 40;

/** Hostile bytes leave origins waiting; only what they saw until then matters. */
const RAW_HANGING_AFTER_MS = 250;

let garden: Garden;

beforeAll(async () => {
  garden = await startGarden();
}, TIMEOUT_MS);

afterAll(() => garden.stop());

/** What an origin must say about a forwarded request. */
interface Expected {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly method: string;
  readonly target: string;
  readonly bodyBytes: number;
  readonly isReusable: boolean;
}

function forwardedOf(vectors: readonly RequestVector[]): Expected[] {
  const forwarded: Expected[] = [];
  for (const { id, bytes } of vectors) {
    const result = reserialise(bytes);
    if (result.kind !== "forwarded") continue;
    const { method, path, query, body } = result.request;
    const target = query === "" ? path : `${path}?${query}`;
    forwarded.push({ id, bytes: result.bytes, method, target, bodyBytes: body.length, isReusable: result.isReusable });
  }
  return forwarded;
}

const FORWARDED = forwardedOf([...REQUEST_VECTORS, ...HONEST_REQUESTS]);

/** What the origin's handler is shown: the Fetch API has no body on GET and HEAD, so that Bun reads it and drops it. */
function wantedOf(name: string, expected: Expected): string {
  const isBodyHidden = name === "bun" && (expected.method === "GET" || expected.method === "HEAD");
  return `${expected.method} ${expected.target} ${isBodyHidden ? 0 : expected.bodyBytes}`;
}

/** `""` where the origin saw exactly the one request (and then what came behind it), or refused it and saw nothing else. */
function disagreement(name: string, expected: Expected, seen: SeenByOrigin): string {
  const wanted = wantedOf(name, expected);
  const saw = `${expected.id}: wanted [${wanted}], saw ${JSON.stringify(seen)}`;
  if (seen.isHanging) return saw;
  if (seen.requests.length === 1) {
    const isNextIntact = seen.sawSentinel || !expected.isReusable;
    return seen.requests[0] === wanted && isNextIntact ? "" : saw;
  }
  const isRefused = seen.requests.length === 0 && (seen.statuses[0] ?? 400) >= 400;
  return isRefused && seen.statuses.length <= (seen.sawSentinel ? 2 : 1) ? "" : saw;
}

async function answersOf(origin: Origin): Promise<readonly (readonly [Expected, SeenByOrigin])[]> {
  const answers: (readonly [Expected, SeenByOrigin])[] = [];
  for (const expected of FORWARDED) answers.push([expected, await askOrigin(origin, expected.bytes)]);
  return answers;
}

test("there is something to forward", () => expect(FORWARDED.length).toBeGreaterThan(80));

describe("an origin sees exactly the request that was decided in whatever is forwarded", () => {
  for (const name of ORIGIN_NAMES) {
    test.skipIf(!isInstalled(name))(
      isInstalled(name) ? name : `${name} [not installed]`,
      async () => {
        const origin = garden.origins.find((candidate) => candidate.name === name)!;
        const answers = await answersOf(origin);
        const wrong = answers
          .map(([expected, seen]) => disagreement(name, expected, seen))
          .filter((text) => text !== "");
        expect(wrong).toEqual([]);
        const understood = answers.filter(([, seen]) => seen.requests.length === 1).length;
        expect(understood / answers.length).toBeGreaterThanOrEqual(UNDERSTOOD_SHARE_MIN);
      },
      TIMEOUT_MS,
    );
  }
});

test(
  "the same origins disagree about the hostile bytes themselves",
  async () => {
    const framing = REQUEST_VECTORS.filter(
      (vector) => vector.class === 9 || vector.class === 10 || vector.class === 11,
    );
    let disagreements = 0;
    for (const { bytes } of framing.filter((vector) => reserialise(vector.bytes).kind === "refused")) {
      const seen = await Promise.all(
        garden.origins.map((origin) => askOrigin(origin, bytesOf(bytes), RAW_HANGING_AFTER_MS)),
      );
      if (new Set(seen.map(({ requests, sawSentinel }) => `${requests.join()} ${sawSentinel}`)).size > 1)
        disagreements++;
    }
    expect(disagreements).toBeGreaterThanOrEqual(garden.origins.length === ORIGIN_NAMES.length ? DISAGREEMENTS_MIN : 1);
  },
  TIMEOUT_MS,
);
