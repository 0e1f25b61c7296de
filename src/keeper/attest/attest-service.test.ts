import { describe, expect, test } from "bun:test";
import { startTimeOf } from "../../kernel/process-facts.ts";
import { NO_IDENTITY } from "../../model/attest.ts";
import { ATTEST_WAITING_MAX, type AttestQuestion, AttestService, type OwnerSources } from "./attest-service.ts";
import { CallerIndex, type LocalWorkload } from "./caller-index.ts";
import { ONE_ASKERS_SHARE } from "./fair-queue.ts";
import { parseRuns, RUNS_MAX, type Run, Runs } from "./runs.ts";

function workload(name: string, selectors: LocalWorkload["selectors"]): LocalWorkload {
  const principal = `site.example/ns/prod/sa/${name}`;
  return { key: `workload/prod/${name}`, principal, selectors, name, namespace: "prod", serviceAccount: name };
}

const web = workload("web", [[{ type: "uid", uid: 1000 }]]);
const shop = workload("shop", [[{ type: "cgroup", path: "/shop" }]]);
const bare = workload("bare", []);
const run: Run = { pid: 5, startTime: 6, workload: bare.key, registeredByUid: 2000 };

const sources: OwnerSources = {
  trustedCgroup: (id) => (id === 7n ? "/shop/a" : undefined),
  holder: (_runs, inode) => (inode === 9n ? { run, exe: "/usr/bin/x" } : undefined),
};

function service(runs: readonly Run[] = []): AttestService {
  return new AttestService(sources, () => runs, new CallerIndex([web, shop, bare]));
}

function ask(from: AttestService, question: Partial<AttestQuestion>) {
  const { promise, resolve } = Promise.withResolvers<unknown>();
  from.ask({ side: "caller", uid: 4000, inode: 1n, cgroupId: 0n, ...question }, resolve);
  return promise;
}

describe("AttestService", () => {
  test("answers by uid, by trusted cgroup and by registered tree", async () => {
    expect(await ask(service(), { uid: 1000 })).toEqual({ workload: web.key, strength: "uid" });
    expect(await ask(service(), { cgroupId: 7n })).toEqual({ workload: shop.key, strength: "cgroup" });
    expect(await ask(service([run]), { inode: 9n })).toEqual({ workload: bare.key, strength: "tree" });
    expect(await ask(service(), { inode: 9n })).toEqual(NO_IDENTITY);
    expect(await ask(service([run]), {})).toEqual(NO_IDENTITY);
  });

  test("gives no identity at once where too many questions of one user wait, and answers the rest", async () => {
    const busy = service();
    const answers = Array.from({ length: ATTEST_WAITING_MAX * ONE_ASKERS_SHARE }, () => ask(busy, { uid: 1000 }));
    let overflow: unknown;
    busy.ask({ side: "caller", uid: 1000, inode: 1n, cgroupId: 0n }, (attested) => {
      overflow = attested;
    });
    expect(overflow).toBe(NO_IDENTITY);
    for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ workload: web.key });
  });

  test("judges by the generation that is served now", async () => {
    const changing = service();
    changing.use(new CallerIndex([shop]));
    expect(await ask(changing, { uid: 1000 })).toEqual(NO_IDENTITY);
  });
});

describe("Runs", () => {
  const own = (): Run => ({
    pid: process.pid,
    startTime: startTimeOf(process.pid) ?? 0,
    workload: "w",
    registeredByUid: 0,
  });

  test("know living processes only", () => {
    const seen: number[] = [];
    const runs = new Runs([{ ...own(), startTime: 1 }], (list) => seen.push(list.length));
    expect(runs.list).toEqual([]);
    expect(runs.register(own())).toBe(true);
    expect(runs.register({ ...own(), startTime: 1 })).toBe(false);
    runs.remove(process.pid);
    runs.remove(process.pid);
    expect(seen).toEqual([1, 0]);
  });

  test("come back from disk only in the right shape", () => {
    expect(parseRuns([own(), { pid: "1" }, null])).toEqual([own()]);
    expect(parseRuns({})).toEqual([]);
    expect(parseRuns(Array.from({ length: RUNS_MAX + 5 }, own))).toHaveLength(RUNS_MAX);
  });
});
