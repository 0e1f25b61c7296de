/** Local users by name. */

/**
 * Reads the text of `/etc/passwd`; lines that are no entries are passed over, and the first of a name counts.
 *
 * Only this file: users that a directory service knows are not resolved, because their ids must hold with the uplink cut.
 */
export function parseUsers(passwd: string): Map<string, number> {
  const users = new Map<string, number>();
  for (const line of passwd.split("\n")) {
    const [name, , uid] = line.split(":");
    if (name === undefined || name === "" || uid === undefined || !/^[0-9]{1,10}$/.test(uid)) continue;
    if (!users.has(name)) users.set(name, Number(uid));
  }
  return users;
}
