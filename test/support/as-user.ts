/** Starting programs as other users, for tests that run as root. */

/** What a command is started through to run as `uid`, with nothing left of root; empty for the test's own user. */
export function asUser(uid: number | undefined): string[] {
  if (uid === undefined) return [];
  return ["setpriv", `--reuid=${uid}`, `--regid=${uid}`, "--clear-groups", "--no-new-privs"];
}

const BUN_FLAGS = ["--config=/dev/null", "--tsconfig-override=/dev/null", "--no-env-file", "--no-install"];

/** A TypeScript program as `uid`, with its argument as JSON. */
export function programAs(uid: number | undefined, program: string, argument: unknown): string[] {
  return [...asUser(uid), process.execPath, ...BUN_FLAGS, program, JSON.stringify(argument)];
}
