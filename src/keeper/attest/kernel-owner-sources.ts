import { Cgroups, findCgroupMount } from "../../kernel/cgroup.ts";
import { ownerAmong } from "../../kernel/process-tree.ts";
import type { OwnerSources } from "./attest-service.ts";

/** The running kernel's answers. Without a cgroup v2 hierarchy no `cgroup:` and no `systemd:` selector ever holds. */
export function kernelOwnerSources(): OwnerSources {
  const mount = findCgroupMount();
  const cgroups = mount === undefined ? undefined : new Cgroups(mount, () => performance.now());
  return {
    trustedCgroup(id) {
      const path = id === 0n ? null : (cgroups?.pathOfId(id) ?? null);
      return path !== null && path !== "/" && cgroups?.isTrusted(path) === true ? path : undefined;
    },
    holder(runs, inode, uid) {
      const owner = ownerAmong(runs, Number(inode), uid);
      return owner === null ? undefined : { run: owner.root, exe: owner.exe ?? undefined };
    },
  };
}
