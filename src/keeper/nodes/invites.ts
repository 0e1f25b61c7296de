import { doorUntilMs, type Invite, isInviteOpen, parseInvites, type Spent } from "./invite.ts";

/** Most invitations that are open at a time. Reason: a site has a handful of machines; more is a script gone wrong. */
export const INVITES_OPEN_MAX = 32;

/** Most that are kept, spent ones too. Reason: what was spent is told from what never was until it would have expired. */
export const INVITES_MAX = 256;

/** Where invitations lie. */
export interface InviteFile {
  /** What was written last, `undefined` where there is nothing or it is rotten. */
  read(): unknown;
  /** Writes durably. Throws where the disk refuses. */
  write(value: unknown): void;
}

/**
 * The invitations of this node. What changes is on disk before anybody hears of it: a token that was printed survives a crash,
 * and one that was spent stays spent. A rotten file means that no token is known, so nobody gets in by it.
 */
export class Invites {
  readonly #file: InviteFile;
  /** Joins under way, by id: two machines with one token are served one after the other, and the second finds it spent. */
  readonly #busy = new Set<string>();
  #all: readonly Invite[];

  constructor(file: InviteFile) {
    this.#file = file;
    this.#all = parseInvites(file.read()) ?? [];
  }

  get all(): readonly Invite[] {
    return this.#all;
  }

  find(id: string): Invite | undefined {
    return this.#all.find((invite) => invite.id === id);
  }

  /** Why there is no room for another one, or `undefined`. */
  fullness(nowMs: number): string | undefined {
    const open = this.#all.filter((invite) => isInviteOpen(invite, nowMs)).length;
    if (open >= INVITES_OPEN_MAX) return `${open} invitations are open already`;
    const kept = this.#all.filter((invite) => invite.expiresAtMs >= nowMs).length;
    return kept >= INVITES_MAX ? `${kept} invitations are kept already` : undefined;
  }

  /** Keeps a new one; what has expired is forgotten. Throws what the disk says, and then there is none. */
  add(invite: Invite, nowMs: number): void {
    const kept = this.#all.filter((one) => one.expiresAtMs >= nowMs || doorUntilMs(one) >= nowMs);
    this.#write([...kept, invite]);
  }

  /** Takes it for one join; false where another one is under way. To be given back by `release`. */
  take(id: string): boolean {
    if (this.#busy.has(id)) return false;
    this.#busy.add(id);
    return true;
  }

  release(id: string): void {
    this.#busy.delete(id);
  }

  /**
   * Throws where it was withdrawn meanwhile, and what the disk says; in memory it is spent even then, so that it is not spent
   * twice by one keeper.
   */
  spend(id: string, spent: Spent): void {
    if (this.find(id) === undefined) throw new Error("the invitation was withdrawn meanwhile");
    this.#all = this.#changed(id, { spent });
    this.#write(this.#all);
  }

  /** Counts a wrong secret. A disk that refuses is not waited for: in memory it counts. */
  countTry(id: string): void {
    const tries = (this.find(id)?.tries ?? 0) + 1;
    this.#all = this.#changed(id, { tries });
    try {
      this.#write(this.#all);
    } catch {
      // What is written next holds it too.
    }
  }

  /** Ends invitations for a name; answers how many were open. Throws what the disk says. */
  revoke(node: string, nowMs: number): number {
    const isEnding = (invite: Invite): boolean => invite.node === node && isInviteOpen(invite, nowMs);
    const ending = this.#all.filter(isEnding);
    if (ending.length > 0) this.#write(this.#all.filter((invite) => !isEnding(invite)));
    return ending.length;
  }

  /** Until when somebody may stand at the door; 0 where nobody may. */
  doorUntilMs(): number {
    return Math.max(0, ...this.#all.map(doorUntilMs));
  }

  #changed(id: string, change: Partial<Invite>): readonly Invite[] {
    return this.#all.map((invite) => (invite.id === id ? { ...invite, ...change } : invite));
  }

  #write(all: readonly Invite[]): void {
    this.#file.write(all);
    this.#all = all;
  }
}
