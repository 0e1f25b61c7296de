/** Selectors of local processes, in SPIRE's notation. */
import type { Problem } from "./scalars.ts";
import { text } from "./scalars.ts";

/** Highest user id; the one above it is the kernel's "no user". */
export const UID_MAX = 4_294_967_294;

/** Selectors that must all hold, and alternatives of such. Reason: each is compared at every accepted connection. */
export const SELECTORS_MAX = 16;

const FORMS = "unix:user:NAME, unix:uid:N, unix:path:/exe, cgroup:/path, systemd:id:NAME.service";

/** One selector. */
export const selector = text({
  what: `a selector (${FORMS})`,
  code: "SV0308",
  lengthMax: 1024,
  problem: selectorProblem,
});

function selectorProblem(value: string): Problem | undefined {
  const [, type, rest] = /^(unix:user:|unix:uid:|unix:path:|cgroup:|systemd:id:)(.*)$/s.exec(value) ?? [];
  if (type === undefined || rest === undefined) return unknownSelector(value);
  if (type === "unix:user:") return isUserName(rest) ? undefined : { message: "does not end in the name of a user" };
  if (type === "unix:uid:") return isUid(rest) ? undefined : { message: `does not end in a user id, 0 to ${UID_MAX}` };
  if (type === "systemd:id:") return unitProblem(rest);
  return pathProblem(rest, type === "cgroup:");
}

function unknownSelector(value: string): Problem {
  if (value.startsWith("docker:") || value.startsWith("k8s:")) {
    return { message: "is not supported yet", code: "SV0211", hint: `supported: ${FORMS}` };
  }
  if (value.startsWith("unix:gid:") || value.startsWith("unix:group:")) {
    return { message: "is not supported: the kernel tells the user of a socket, not its group", code: "SV0211" };
  }
  return { message: "is not a selector", hint: `write one of ${FORMS}` };
}

function isUserName(value: string): boolean {
  return /^[a-z_][a-z0-9_.-]{0,30}[a-z0-9_.$-]?$/i.test(value);
}

function isUid(value: string): boolean {
  return /^(?:0|[1-9][0-9]{0,9})$/.test(value) && Number(value) <= UID_MAX;
}

function unitProblem(unit: string): Problem | undefined {
  if (/^[A-Za-z0-9:_.@\\-]+\.service$/.test(unit) && unit.length <= 255) return undefined;
  return { message: "does not end in the name of a unit", hint: "write systemd:id:NAME.service" };
}

function pathProblem(path: string, isCgroup: boolean): Problem | undefined {
  if (isCgroup && path === "/") return { message: "would recognise every process of the machine" };
  const steps = path.split("/").slice(1);
  const isPlain = steps.every((step) => step !== "" && step !== "." && step !== "..") && !/[\0\n]/.test(path);
  if (path.startsWith("/") && isPlain) return undefined;
  return { message: "does not end in an absolute path without empty, . or .. steps" };
}
