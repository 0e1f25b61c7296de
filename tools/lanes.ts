/** Running test files side by side: how many at once, what runs alone, and what keeps two of them from meeting. */
import { findProgram } from "./find-program.ts";

/** Files at once. Reason: the tests wait more than they compute, and a machine of two cores should stay an honest judge of both. */
export const LANES_MAX = 2;

/**
 * What a command is started through to have a network of its own: a loopback that nobody else is on, so that no port, address or
 * name is taken by the file in the other lane. `undefined` where the machine does not let us; then files run one by one. The
 * command keeps the pid.
 */
export function ownNetwork(): readonly string[] | undefined {
  const [unshare, ip] = [findProgram("unshare"), findProgram("ip")];
  if (process.getuid?.() !== 0 || unshare === undefined || ip === undefined) return undefined;
  const enter = [unshare, "--net", "--", "sh", "-c", `${ip} link set lo up && exec "$@"`, "sh"];
  const tried = Bun.spawnSync([...enter, "true"], { stdio: ["ignore", "ignore", "ignore"] });
  return tried.exitCode === 0 ? enter : undefined;
}

/**
 * Runs every job: first those that may run beside others, `lanes` at once and begun in the order given, then the others one by
 * one. Answers what they answered, in the order given. A job that rejects makes the whole reject, once all that run have ended.
 */
export async function runInLanes<J, R>(
  jobs: readonly J[],
  lanes: number,
  isAlone: (job: J) => boolean,
  run: (job: J) => Promise<R>,
): Promise<R[]> {
  const answers = new Map<J, R>();
  const take = async (queue: J[]): Promise<void> => {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) answers.set(job, await run(job));
  };
  const beside = jobs.filter((job) => !isAlone(job));
  const ended = await Promise.allSettled(Array.from({ length: lanes }, () => take(beside)));
  for (const end of ended) if (end.status === "rejected") throw end.reason;
  await take(jobs.filter(isAlone));
  return jobs.map((job) => answers.get(job) as R);
}
