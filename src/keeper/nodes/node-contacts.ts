import type { TunnelDirection } from "../../wire/channel/to-keeper-frame.ts";

/** Nodes that are remembered. Reason: a site has a handful; a hostile worker could name others without end. */
export const CONTACTS_MAX = 256;

/** What is known of another node from contact with it. Times are ms since 1970, judged. */
export interface Contact {
  readonly node: string;
  /** Workers whose dial to it is up, each with the moment it came up. */
  readonly dialed: Map<number, number>;
  /** Tunnels that it has opened to workers of this node. */
  readonly accepted: Map<number, number>;
  /** Where it was last seen. */
  address: string;
  /** 0 = never. */
  lastContactMs: number;
  /** Why its last tunnel ended, or was not let in. */
  lastProblem: string;
  /** Highest sequence of a ban that its workers judge by, as it said; 0 = it said nothing yet. */
  bansTaken: number;
  holdsRoot: boolean;
}

/** What this node has seen of the others since it was started. */
export class NodeContacts {
  readonly #contacts = new Map<string, Contact>();
  get all(): readonly Contact[] {
    return [...this.#contacts.values()];
  }

  find(node: string): Contact | undefined {
    return this.#contacts.get(node);
  }

  /** Names of the nodes that can be asked: some worker's dial to them is up. */
  connected(): readonly string[] {
    return this.all.filter(({ dialed }) => dialed.size > 0).map(({ node }) => node);
  }

  /** A tunnel came up or went down. Answers whether the node can be asked since now, and could not before. */
  tunnel(
    workerId: number,
    seen: {
      readonly node: string;
      readonly direction: TunnelDirection;
      readonly isUp: boolean;
      readonly address: string;
      readonly reason: string;
    },
    nowMs: number,
  ): boolean {
    const contact = this.#of(seen.node);
    if (contact === undefined) return false;
    const wasThere = contact.dialed.size + contact.accepted.size > 0;
    if (seen.direction === "listener") {
      const count = (contact.accepted.get(workerId) ?? 0) + (seen.isUp ? 1 : -1);
      if (count > 0) contact.accepted.set(workerId, count);
      else contact.accepted.delete(workerId);
    }
    const isNew = seen.direction === "dialer" && seen.isUp && !contact.dialed.has(workerId);
    if (seen.direction === "dialer") {
      if (!seen.isUp) contact.dialed.delete(workerId);
      else if (isNew) contact.dialed.set(workerId, nowMs);
    }
    // Until it went down it was there.
    if (seen.isUp || wasThere) this.#seen(contact, seen.isUp ? seen.address : "", nowMs);
    contact.lastProblem = seen.isUp ? "" : seen.reason;
    return isNew;
  }

  /** It said something over a tunnel that proves it. */
  heard(node: string, address: string, nowMs: number): Contact | undefined {
    const contact = this.#of(node);
    if (contact !== undefined) this.#seen(contact, address, nowMs);
    return contact;
  }

  /** Its tunnel was refused. */
  refused(node: string, reason: string): void {
    const contact = this.#contacts.get(node);
    if (contact !== undefined) contact.lastProblem = reason;
  }

  /** A worker is gone, and with it its tunnels. */
  forget(workerId: number): void {
    for (const contact of this.#contacts.values()) {
      contact.dialed.delete(workerId);
      contact.accepted.delete(workerId);
    }
  }

  #seen(contact: Contact, address: string, nowMs: number): void {
    if (address !== "") contact.address = address;
    contact.lastContactMs = nowMs;
  }

  #of(node: string): Contact | undefined {
    const known = this.#contacts.get(node);
    if (known !== undefined) return known;
    if (node === "" || (this.#contacts.size >= CONTACTS_MAX && !this.#forgetOne())) return undefined;
    const contact: Contact = {
      node,
      dialed: new Map(),
      accepted: new Map(),
      address: "",
      lastContactMs: 0,
      lastProblem: "",
      bansTaken: 0,
      holdsRoot: false,
    };
    this.#contacts.set(node, contact);
    return contact;
  }

  /** Of those whose tunnels are down the one that was added first: names that a worker made up must not keep others out for good. */
  #forgetOne(): boolean {
    for (const [node, { dialed, accepted }] of this.#contacts) {
      if (dialed.size + accepted.size > 0) continue;
      this.#contacts.delete(node);
      return true;
    }
    return false;
  }
}
