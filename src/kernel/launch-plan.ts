/** What the launcher is told to do, and which paths a worker may open. Values and checks only. */

import type { PathRule } from "./landlock.ts";
import type { UserIds } from "./privileges.ts";

/** The launcher's one argument, as JSON. */
export interface LaunchPlan {
  /** Absolute path of the Bun binary. */
  readonly bun: string;
  /** Flags for Bun, before the program. */
  readonly bunFlags: readonly string[];
  /** Absolute path of the worker program. */
  readonly program: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Its whole environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Whom to become; null: stays who it is. */
  readonly user: UserIds | null;
  readonly bindLowPorts: boolean;
  /** Descriptors beyond 0-2 that the worker gets; all others are closed. */
  readonly fds: readonly number[];
  /** Files and directories of ours that it may read. */
  readonly readable: readonly string[];
  /** Paths that must not be readable: the state directory. */
  readonly forbidden: readonly string[];
  /** Whether to refuse to start where the kernel has no Landlock. */
  readonly requiresLandlock: boolean;
}

/** Exit code of a launcher that did not start the program (EX_SOFTWARE of sysexits.h). */
export const LAUNCH_FAILED_EXIT_CODE = 70;

/** What name resolution reads, and the two devices that programs expect. */
export const SYSTEM_FILES = [
  "/etc/hosts",
  "/etc/resolv.conf",
  "/etc/nsswitch.conf",
  "/etc/host.conf",
  "/etc/gai.conf",
  "/etc/ld.so.cache",
] as const;

/** Reads the plan. Throws a TypeError that names the field that is wrong. */
export function parseLaunchPlan(json: string): LaunchPlan {
  const value: unknown = JSON.parse(json);
  const fields = recordOf(value, "plan");
  return {
    bun: absolute(fields["bun"], "bun"),
    bunFlags: strings(fields["bunFlags"], "bunFlags"),
    program: absolute(fields["program"], "program"),
    args: strings(fields["args"], "args"),
    env: stringRecord(fields["env"]),
    user: fields["user"] === null ? null : userOf(fields["user"]),
    bindLowPorts: flag(fields["bindLowPorts"], "bindLowPorts"),
    fds: integers(fields["fds"], "fds"),
    readable: strings(fields["readable"], "readable").map((path) => absolute(path, "readable")),
    forbidden: strings(fields["forbidden"], "forbidden").map((path) => absolute(path, "forbidden")),
    requiresLandlock: flag(fields["requiresLandlock"], "requiresLandlock"),
  };
}

/** The executable files mapped into a process, from the text of its /proc/PID/maps: its binary, the loader, its libraries. */
export function executablesIn(maps: string): readonly string[] {
  const paths = new Set<string>();
  for (const line of maps.split("\n")) {
    const found = /^\S+ r-xp \S+ \S+ [1-9]\d*\s+(\/.+)$/.exec(line)?.[1];
    if (found !== undefined) paths.add(found);
  }
  return [...paths];
}

/**
 * The rules for a worker: to execute the Bun binary and the loader; to read the directories of the libraries mapped into this
 * process (so that name service modules can be loaded), `readable`, and what name resolution needs. Nothing else.
 */
export function rulesFor(plan: LaunchPlan, executables: readonly string[]): readonly PathRule[] {
  const libraries = executables.filter((path) => /\.so(\.|$)/.test(path));
  const loaders = libraries.filter((path) => /^ld(-|\.so)/.test(path.slice(path.lastIndexOf("/") + 1)));
  const directories = new Set(libraries.map((path) => path.slice(0, path.lastIndexOf("/"))));
  return [
    { path: plan.bun, access: "execute" },
    ...loaders.map((path): PathRule => ({ path, access: "execute" })),
    ...[...directories, ...plan.readable, ...SYSTEM_FILES].map((path): PathRule => ({ path, access: "read" })),
    // The C library finds the main thread's stack in its maps; links beneath it are judged by where they lead.
    { path: "/proc/self", access: "read" },
    { path: "/dev/null", access: "device" },
    { path: "/dev/urandom", access: "read" },
  ];
}

/** The first forbidden path that lies at or beneath an allowed one; all paths resolved (no links, no dots). */
export function findExposed(allowed: readonly string[], forbidden: readonly string[]): string | undefined {
  return forbidden.find((path) => allowed.some((root) => root === "/" || path === root || path.startsWith(`${root}/`)));
}

function recordOf(value: unknown, field: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new TypeError(`${field}: not an object`);
  return value as Record<string, unknown>;
}

function strings(value: unknown, field: string): string[] {
  if (!Array.isArray(value)) throw new TypeError(`${field}: not a list`);
  return value.map((item: unknown) => {
    if (typeof item !== "string") throw new TypeError(`${field}: not a string`);
    return item;
  });
}

function integers(value: unknown, field: string): number[] {
  if (!Array.isArray(value)) throw new TypeError(`${field}: not a list`);
  return value.map((item: unknown) => integer(item, field));
}

function integer(value: unknown, field: string): number {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > 0xffff_fffe) {
    throw new TypeError(`${field}: not an id or descriptor`);
  }
  return value;
}

function stringRecord(value: unknown): Record<string, string> {
  const record = recordOf(value, "env");
  return Object.fromEntries(
    Object.entries(record).map(([name, text]) => {
      if (typeof text !== "string") throw new TypeError(`env.${name}: not a string`);
      return [name, text];
    }),
  );
}

function userOf(value: unknown): UserIds {
  const fields = recordOf(value, "user");
  const groups = fields["groups"] === undefined ? [] : integers(fields["groups"], "user.groups");
  return { uid: integer(fields["uid"], "user.uid"), gid: integer(fields["gid"], "user.gid"), groups };
}

function flag(value: unknown, field: string): boolean {
  if (typeof value !== "boolean") throw new TypeError(`${field}: neither true nor false`);
  return value;
}

function absolute(value: unknown, field: string): string {
  if (typeof value !== "string" || !value.startsWith("/")) throw new TypeError(`${field}: not an absolute path`);
  return value;
}
