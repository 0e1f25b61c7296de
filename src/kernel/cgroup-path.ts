/** What the path of a cgroup tells. Paths are relative to the root of the hierarchy and begin with `/`. */

const UNIT_SUFFIX = /\.(service|scope|socket|mount|swap)$/;
const USER_MANAGER = /^user@(\d+)\.service$/;

/**
 * The systemd unit a cgroup belongs to: the first component below the slices, as systemd itself finds it, whatever lies deeper
 * (a service may make cgroups of its own). Undefined where it is no unit's.
 */
export function unitOf(path: string): string | undefined {
  for (const component of path.split("/")) {
    // systemd puts `_` before names that would clash with the kernel's files.
    const name = component.startsWith("_") ? component.slice(1) : component;
    if (name === "" || name.endsWith(".slice")) continue;
    return UNIT_SUFFIX.test(name) ? name : undefined;
  }
  return undefined;
}

/** Whether it lies in what systemd hands to a user's own manager, who may make and name cgroups there at will. */
export function isDelegatedToUser(path: string): boolean {
  return path.split("/").some((component) => USER_MANAGER.test(component));
}

/** Whether it is a path of the form that the kernel itself writes: absolute, no empty or dot components, no escapes. */
export function isCanonical(path: string): boolean {
  if (path === "/") return true;
  if (!path.startsWith("/") || path.includes("\0")) return false;
  return path
    .slice(1)
    .split("/")
    .every((component) => component !== "" && component !== "." && component !== "..");
}

/** The mount point of the cgroup v2 hierarchy, from the text of /proc/self/mountinfo: pure v2 or beside v1. */
export function cgroupMountIn(mountinfo: string): string | undefined {
  for (const line of mountinfo.split("\n")) {
    const [before, after] = line.split(" - ");
    if (after?.startsWith("cgroup2 ") !== true) continue;
    const point = before?.split(" ")[4];
    if (point !== undefined) return unescaped(point);
  }
  return undefined;
}

/** Space, tab, newline and backslash stand as three octal digits there (proc_pid_mountinfo(5)). */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}
