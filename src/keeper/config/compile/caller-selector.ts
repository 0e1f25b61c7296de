/** Selectors in SPIRE's notation, resolved for this machine. */
import type { CallerSelector } from "../../../model/snapshot.ts";

/** Why a selector cannot be resolved. */
export interface SelectorProblem {
  readonly code: "SV1005";
  readonly message: string;
}

/** Resolves one selector whose syntax decoding has checked. */
export function compileSelector(
  text: string,
  resolveUser: (name: string) => number | undefined,
): CallerSelector | SelectorProblem {
  const [, type, value] = /^(unix:user|unix:uid|unix:path|cgroup|systemd:id):(.*)$/s.exec(text) ?? [];
  if (type === undefined || value === undefined) throw new Error(`not a selector: ${text}`);
  switch (type) {
    case "unix:uid":
      return { type: "uid", uid: Number(value) };
    case "unix:path":
      return { type: "path", path: value };
    case "cgroup":
      return { type: "cgroup", path: value };
    case "systemd:id":
      return { type: "systemd", unit: value };
    default: {
      const uid = resolveUser(value);
      if (uid !== undefined) return { type: "uid", uid };
      return { code: "SV1005", message: `${text}: this machine has no user ${JSON.stringify(value)}` };
    }
  }
}

/** A text that is equal for entries that recognise the same processes. */
export function entryIdentity(entry: readonly CallerSelector[]): string {
  const parts = entry.map((selector) => JSON.stringify(selector));
  return [...new Set(parts)].sort().join(" ");
}
