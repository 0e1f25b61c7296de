import { expect, test } from "bun:test";
import { handledAccess } from "./landlock.ts";
import { executablesIn, findExposed, type LaunchPlan, parseLaunchPlan, rulesFor } from "./launch-plan.ts";

const MAPS = `55d0-55d1 r--p 00000000 08:01 100 /opt/bun/bun
55d1-55d2 r-xp 00001000 08:01 100                        /opt/bun/bun
7f00-7f01 r-xp 00001000 08:01 101                        /usr/lib/x86_64-linux-gnu/libc.so.6
7f01-7f02 r--p 00001000 08:01 103                        /usr/lib/locale/C.utf8/LC_CTYPE
7f02-7f03 r-xp 00001000 08:01 102                        /usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2
7f04-7f05 r-xp 00000000 00:00 0 
7ffd-7ffe r-xp 00000000 00:00 0                          [vdso]
`;

const PLAN: LaunchPlan = {
  bun: "/opt/bun/bun",
  bunFlags: [],
  program: "/opt/selvedge/src/proxy/worker.ts",
  args: ["{}"],
  env: { LANG: "C" },
  user: { uid: 1, gid: 2, groups: [3] },
  bindLowPorts: false,
  fds: [3, 4],
  readable: ["/opt/selvedge/src"],
  forbidden: ["/var/lib/selvedge"],
  requiresLandlock: true,
};

test("the executable files of a process are its binary, loader and libraries", () => {
  expect(executablesIn(MAPS)).toEqual([
    "/opt/bun/bun",
    "/usr/lib/x86_64-linux-gnu/libc.so.6",
    "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2",
  ]);
});

test("only the Bun binary and the loader may be executed, and only devices written", () => {
  const rules = rulesFor(PLAN, executablesIn(MAPS));
  const paths = (access: string) => rules.filter((rule) => rule.access === access).map((rule) => rule.path);
  expect(paths("execute")).toEqual(["/opt/bun/bun", "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"]);
  expect(paths("device")).toEqual(["/dev/null"]);
  expect(paths("read")).toContain("/usr/lib/x86_64-linux-gnu");
  expect(paths("read")).toContain("/opt/selvedge/src");
  expect(paths("read")).not.toContain("/usr/lib");
});

test("a forbidden path at or beneath an allowed one is found, one that only looks alike is not", () => {
  expect(findExposed(["/opt/selvedge/src"], ["/opt/selvedge/src"])).toBe("/opt/selvedge/src");
  expect(findExposed(["/opt/selvedge"], ["/opt/selvedge/state"])).toBe("/opt/selvedge/state");
  expect(findExposed(["/"], ["/var"])).toBe("/var");
  expect(findExposed(["/opt/selvedge"], ["/opt/selvedge-state", "/opt"])).toBeUndefined();
});

test("a plan reads back as it was written", () => {
  expect(parseLaunchPlan(JSON.stringify(PLAN))).toEqual(PLAN);
});

test("a plan with any field missing or of another type is refused by that field's name", () => {
  for (const field of Object.keys(PLAN)) {
    for (const bad of [undefined, 5, [5.5], { x: 1 }]) {
      const broken = JSON.stringify({ ...PLAN, [field]: bad });
      expect(() => parseLaunchPlan(broken)).toThrow(new RegExp(`^${field}`));
    }
  }
  expect(() => parseLaunchPlan(JSON.stringify({ ...PLAN, bun: "bun" }))).toThrow("bun: not an absolute path");
  expect(() => parseLaunchPlan(JSON.stringify({ ...PLAN, user: { uid: -1, gid: 0 } }))).toThrow("user.uid");
});

test("every access right that a Landlock ABI knows is handled", () => {
  expect([0, 1, 2, 3, 4, 5, 6, 7].map(handledAccess)).toEqual([
    0, 0x1fff, 0x3fff, 0x7fff, 0x7fff, 0xffff, 0xffff, 0xffff,
  ]);
});
