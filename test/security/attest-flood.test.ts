/** A user that opens connections without end does not keep the keeper from telling who the others are. */
import { expect, test } from "bun:test";
import { ATTEST_PER_TURN, ATTEST_WAITING_MAX, AttestService } from "../../src/keeper/attest/attest-service.ts";
import { CallerIndex } from "../../src/keeper/attest/caller-index.ts";

const ATTACKER = 1;
const VICTIM = 2;
const web = {
  key: "workload/prod/web",
  principal: "s.mesh/ns/prod/sa/web",
  selectors: [[{ type: "uid", uid: VICTIM }]],
  name: "web",
  namespace: "prod",
  serviceAccount: "web",
} as const;

test("the others' questions have room, and their turn comes at once", async () => {
  const order: number[] = [];
  const sources = { trustedCgroup: () => undefined, holder: () => undefined };
  const service = new AttestService(sources, () => [], new CallerIndex([web]));
  const ask = (uid: number): Promise<string> =>
    new Promise((resolve) =>
      service.ask({ side: "caller", uid, inode: 1n, cgroupId: 1n }, ({ workload }) => {
        order.push(uid);
        resolve(workload);
      }),
    );
  const flood = Array.from({ length: 2 * ATTEST_WAITING_MAX }, () => ask(ATTACKER));
  // Those there was no room for were answered, with nobody, before anything waited.
  const refused = order.length;
  expect(refused).toBeGreaterThan(0);
  expect(await ask(VICTIM)).toBe(web.key);
  expect(order.length - refused).toBeLessThanOrEqual(ATTEST_PER_TURN);
  expect(await Promise.all(flood)).not.toContain(web.key);
});
