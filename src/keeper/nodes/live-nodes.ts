import { join } from "node:path";
import { BansFullError } from "../../identity/bans.ts";
import { REFRESH_HINT_S } from "../../identity/bundle.ts";
import { isNodeName } from "../../identity/node-names.ts";
import { type TO_KEEPER, TO_WORKER } from "../../wire/channel/frames.ts";
import type { FrameOf } from "../frames.ts";
import { endedIssuers } from "../identity/issued-issuers.ts";
import type { LiveIdentity } from "../identity/live-identity.ts";
import { readSealed, writeSealed } from "../state/sealed-json.ts";
import { type Invitation, type InviteRequest, makeInvitation } from "./invitation.ts";
import { isInviteOpen } from "./invite.ts";
import { Invites } from "./invites.ts";
import { hasJoined, refuseReplacingWithoutRoom } from "./join-host.ts";
import type { NodeContacts } from "./node-contacts.ts";
import { NodeDoor } from "./node-door.ts";
import { hostPort, type NodeRow, nodeRows } from "./node-rows.ts";
import { NodesError, type NodesHost } from "./nodes-host.ts";
import type { PeerCalls, PeerReply, PeerWorker } from "./peer-calls.ts";
import { PEER_REFUSAL, type ToldIssuer } from "./peer-message.ts";
import { PeerService } from "./peer-service.ts";
import type { RefusalLog } from "./refusal-log.ts";
import { parseRootNode, ROOT_NODE_FILE, type RootNode } from "./root-node-file.ts";

/** How long `ban` waits for others to say that it is in force. Contract: within a second. */
export const BAN_WAIT_MS = 1_000;

/**
 * How long a node whose clock is not believed waits for a tunnel, before it asks whether its issuer has ended. Reason: where it has
 * not, nodes of a site meet within seconds.
 */
export const LATE_WAIT_MS = 15_000;

/** Questions of other nodes that are answered at a time. Reason: more than workers pass on; a hostile one passes on anything. */
export const REQUESTS_MAX = 64;

/** What outlives an identity that is opened anew. */
export interface NodesShared {
  readonly contacts: NodeContacts;
  readonly calls: PeerCalls;
  readonly refusals: RefusalLog;
}

/** What a ban came to. */
export interface BanReport {
  readonly node: string;
  /** site: signed by the root, for every node. here: for this node alone. */
  readonly scope: "site" | "here";
  readonly keys: readonly string[];
  /** Whether every worker of this node judges by it. */
  readonly isInForce: boolean;
  /** Nodes that said in time that theirs do, and those that have not. */
  readonly acknowledged: readonly string[];
  readonly waitingFor: readonly string[];
}

const NOTHING = new Uint8Array(0);

/** The keeper's dealings with other nodes while there is an identity: the join door, messages, bans. */
export class LiveNodes {
  readonly #host: NodesHost;
  readonly #live: LiveIdentity;
  readonly #contacts: NodeContacts;
  readonly #invites: Invites;
  readonly #door: NodeDoor;
  readonly #peers: PeerService;
  readonly #forgetListener: () => void;
  readonly #refresh: Timer;
  #rootNode: RootNode;
  #requests = 0;
  readonly #lateTimer: Timer;
  #hasWaited = false;

  constructor(host: NodesHost, live: LiveIdentity, { contacts, calls, refusals }: NodesShared) {
    this.#host = host;
    this.#live = live;
    this.#contacts = contacts;
    const nowMs = () => performance.now();
    this.#invites = openInvites(host);
    const stored = readSealed(join(host.statePath, ROOT_NODE_FILE));
    this.#rootNode = parseRootNode(stored.state === "good" ? stored.value : undefined);
    this.#peers = new PeerService(
      {
        identity: live.site,
        whenTaken: () => live.workers.whenTaken(),
        workerTo: (node) => this.#workerTo(node),
        rootInReach: () => void live.renewal.hurry(),
        isProvenRoot: (name) => name === this.#rootNode.name,
        issuersTold: (by, issuers) => this.#issuersTold(by, issuers),
        rootProven: (name) => {
          if (name !== this.#rootNode.name) this.#keepRootNode({ name, issuers: [] });
        },
        told: (what, node, detail) => {
          // A stolen node may say nonsense without end; what repeats is counted by its messages' limits, not written.
          const isRefusal = what.endsWith("_refused");
          if (isRefusal && refusals.note(`${what} ${node} ${detail}`) === undefined) return;
          host.tell({ what, node, address: contacts.find(node)?.address ?? "", detail });
        },
      },
      contacts,
      calls,
      nowMs,
    );
    this.#door = new NodeDoor(host, {
      site: live.site,
      invites: this.#invites,
      desk: this.#peers.desk,
      refusals,
      isNode: (name) => this.#isNode(name),
      letIn: () => void this.#peers.changed(),
    });
    live.site.forgotten = (node) => {
      const detail = "so many others have ended that it cannot be renewed late any more";
      host.tell({ what: "late_forgotten", node, address: "", detail });
    };
    live.renewal.isLate = () => this.#isClockLate();
    live.renewal.renewIssuer = (stopping) =>
      live.isOver || this.#isClockLate() ? this.#renewLate(stopping) : this.#peers.renewIssuer();
    // Whatever was due before this stood had nobody to ask.
    if (live.isOver) void live.renewal.hurry();
    this.#lateTimer = setTimeout(() => {
      this.#hasWaited = true;
      if (this.#isClockLate()) void live.renewal.hurry();
    }, LATE_WAIT_MS);
    this.#forgetListener = live.site.onChanged((change) => {
      if (change === "trust" || change === "issuer") void this.#peers.changed();
      if (change !== "svids") this.#door.watch();
    });
    this.#refresh = setInterval(() => void this.#peers.changed(), REFRESH_HINT_S * 1000);
    this.#door.watch();
    void this.#peers.changed();
  }

  /** Answers another node, or somebody at the join door; the frame's bytes are copied. */
  async request(worker: PeerWorker, frame: FrameOf<typeof TO_KEEPER.PEER_REQUEST>): Promise<void> {
    const { requestId, door, node, address, kind } = frame;
    const bytes = Uint8Array.from(frame.bytes);
    let reply: PeerReply = { status: PEER_REFUSAL.BUSY, bytes: NOTHING };
    if (this.#requests < REQUESTS_MAX) {
      this.#requests++;
      reply = await (door === "join"
        ? this.#door.answer(kind, bytes, address)
        : this.#peers.answer(node, address, kind, bytes));
      this.#requests--;
    }
    worker.send({ type: TO_WORKER.PEER_ANSWER, requestId, status: reply.status, bytes: reply.bytes });
    // After the answer: a door that closes puts out who is within.
    if (door === "join") this.#door.watch();
  }

  /** A new worker has to know whether the door is open. */
  greet(worker: PeerWorker): void {
    this.#door.greet(worker);
  }

  /** The tunnel to a node came up. */
  connected(node: string): void {
    // It may have shown that it got what it asked for at the door.
    void this.#peers.sync(node).then(() => this.#door.watch());
  }

  /** A token for a node that the documents name. Throws NodesError. */
  invite(asked: Omit<InviteRequest, "address"> & { readonly address: string | undefined }): Invitation {
    const { site } = this.#live;
    const { node } = asked;
    if (!site.holdsRoot) {
      const root = this.#rootNode.name || "the node that does";
      throw new NodesError("this node does not hold the site's root", `invite on ${root}`);
    }
    if (node === site.node) throw new NodesError(`${node} is this node`);
    if (!isNodeName(node) || !this.#isNode(node)) {
      throw new NodesError(
        `the documents name no node ${node}`,
        `add a document: apiVersion: selvedge/v1, kind: Node, metadata: { name: ${node} }, spec: { address: "HOST:PORT" }`,
      );
    }
    if (!asked.isReplacing && hasJoined(site, node)) {
      throw new NodesError(`${node} has joined already`, "for another machine under this name add --replace");
    }
    if (asked.isReplacing) this.#withRoom(() => refuseReplacingWithoutRoom(site, node));
    const invitation = makeInvitation(this.#invites, site, { ...asked, address: asked.address ?? this.#ownAddress() });
    this.#door.watch();
    const until = new Date(invitation.expiresAtMs).toISOString();
    this.#host.tell({ what: "invited", node, address: invitation.address, detail: `until ${until}` });
    return invitation;
  }

  /** Every node that is known of. */
  list(): readonly NodeRow[] {
    const { site } = this.#live;
    const nowMs = site.nowMs();
    const own = site.issuerCertificate();
    const issuers = site.holdsRoot
      ? [...endedIssuers(site.issued, nowMs), ...site.issuedIssuers()]
      : this.#rootNode.issuers;
    const self = own === undefined ? [] : [{ node: site.node, keyHash: own.keyHash, notAfterMs: own.notAfterMs }];
    const open = this.#invites.all.filter((invite) => isInviteOpen(invite, nowMs));
    return nodeRows({
      ownNode: site.node,
      ownHoldsRoot: site.holdsRoot,
      records: this.#host.facts().nodes,
      issuers: [...issuers.filter(({ node }) => node !== site.node), ...self],
      bans: site.trust().bans,
      contacts: this.#contacts.all,
      invited: new Set(open.map(({ node }) => node)),
      nowMs,
    });
  }

  /**
   * Bans every key of a node that is known: for the whole site where this node holds its root, else for this node alone. Rejects
   * with NodesError.
   */
  async ban(node: string, reason: string): Promise<BanReport> {
    const { site } = this.#live;
    if (node === site.node) throw new NodesError(`${node} is this node`);
    const ended = this.#invites.revoke(node, site.nowMs());
    const keys = site.holdsRoot ? await this.#banEverywhere(node, reason, ended) : this.#banHere(node, reason);
    this.#door.watch();
    const scope = site.holdsRoot ? "site" : "here";
    this.#host.tell({ what: "banned", node, address: "", detail: reason, scope, keys });
    return this.#spread(node, keys);
  }

  /** Lifts every ban of a node's keys, unless another machine has its name by now. Rejects with NodesError. */
  async unban(node: string): Promise<BanReport> {
    const { site } = this.#live;
    const keys = site.holdsRoot ? await this.#unbanEverywhere(node) : site.unbanHere(node);
    if (keys.length === 0) {
      throw new NodesError(`no key of ${node} is banned by this node`, this.#rootHint(`selvedge node unban ${node}`));
    }
    const scope = site.holdsRoot ? "site" : "here";
    this.#host.tell({ what: "unbanned", node, address: "", detail: "", scope, keys });
    return this.#spread(node, keys);
  }

  /** Nothing is answered or told any more. */
  close(): void {
    this.#forgetListener();
    clearInterval(this.#refresh);
    clearTimeout(this.#lateTimer);
    this.#door.close();
  }

  async #spread(node: string, keys: readonly string[]): Promise<BanReport> {
    const { site, workers } = this.#live;
    const sequence = site.siteTrust.wordSequence;
    const isInForce = await workers.whenTaken();
    if (!site.holdsRoot) return { node, scope: "here", keys, isInForce, acknowledged: [], waitingFor: [] };
    const others = this.#host
      .facts()
      .nodes.map(({ name }) => name)
      .filter((name) => name !== node && name !== site.node)
      // Who has never joined can believe nobody.
      .filter((name) => hasJoined(site, name) || (this.#contacts.find(name)?.lastContactMs ?? 0) > 0);
    const acknowledged = await this.#peers.acknowledged(others, sequence, BAN_WAIT_MS);
    const waitingFor = others.filter((name) => !acknowledged.includes(name));
    return { node, scope: "site", keys, isInForce, acknowledged, waitingFor };
  }

  async #banEverywhere(node: string, reason: string, ended: number): Promise<readonly string[]> {
    const { site } = this.#live;
    this.#withRoom(() => site.refuseBansWithoutRoom(node, site.keysOf(node), reason));
    const outcome = await site.ban(node, reason);
    if (!("refused" in outcome)) return outcome.keyHashes;
    if (ended > 0) throw new NodesError(`${node} has not joined; its open invitations have been ended`);
    throw new NodesError(outcome.refused, "`selvedge node ls` lists the nodes that are known");
  }

  #banHere(node: string, reason: string): readonly string[] {
    const { site } = this.#live;
    const nowMs = site.nowMs();
    const known = this.#rootNode.issuers.filter((issuer) => issuer.node === node && issuer.notAfterMs > nowMs);
    const keys = [...new Set(known.map(({ keyHash }) => keyHash))];
    if (keys.length === 0) {
      const hint = this.#rootHint(`selvedge node ban ${node} --reason TEXT`);
      throw new NodesError(`this node knows no key of ${node}`, hint);
    }
    try {
      this.#withRoom(() => site.banHere(node, keys, reason));
    } catch (error) {
      throw error instanceof NodesError
        ? error
        : new NodesError(error instanceof Error ? error.message : String(error));
    }
    return keys;
  }

  /** Says in words, and counts, that no key more can be banned. */
  #withRoom(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof BansFullError)) throw error;
      this.#host.countBansFull();
      throw new NodesError(
        error.message,
        "a shorter --reason takes less room; what is full stays full: see docs/nodes.md",
      );
    }
  }

  async #unbanEverywhere(node: string): Promise<readonly string[]> {
    if (hasJoined(this.#live.site, node)) {
      throw new NodesError(
        `a machine that is not banned has the name ${node} by now`,
        "the keys of the one before stay banned; let that machine join under another name",
      );
    }
    const outcome = await this.#live.site.unban(node);
    if ("refused" in outcome) throw new NodesError(outcome.refused);
    return outcome.keyHashes;
  }

  /**
   * Whether the issuer may have ended though the judged time does not say so: the wall clock is not followed, and nobody is met.
   */
  #isClockLate(): boolean {
    const { site } = this.#live;
    const issuer = site.issuerCertificate();
    if (!this.#hasWaited || site.holdsRoot || issuer === undefined) return false;
    const { disbelief, pendingMs } = site.clock;
    const isDoubted = disbelief !== null || (pendingMs !== null && pendingMs > issuer.notAfterMs);
    return isDoubted && this.#contacts.connected().length === 0;
  }

  /** By the key of the issuer that has ended. Answers why not, or `undefined`. May reject with IdentityStoreError. */
  async #renewLate(stopping: AbortSignal): Promise<string | undefined> {
    const { lateProgram: program } = this.#host;
    if (program === undefined) return "this node's issuer has ended";
    const { renewLate } = await import("./late-renewal.ts");
    const { nodes } = this.#host.facts();
    const rootNode = this.#rootNode.name;
    const renewed = await renewLate({ program, site: this.#live.site, nodes, rootNode, stopping });
    if ("problem" in renewed) return renewed.problem;
    if (renewed.by !== rootNode) this.#keepRootNode({ name: renewed.by, issuers: [] });
    return undefined;
  }

  #rootHint(command: string): string {
    return `on ${this.#rootNode.name || "the node that holds the site's root"}, for the whole site: ${command}`;
  }

  #issuersTold(by: string, issuers: readonly ToldIssuer[]): void {
    const told = { name: by, issuers };
    // Anybody can say that he holds the root; whose word on keys counts has proven it.
    if (by !== this.#rootNode.name) return;
    this.#live.site.noteTold(issuers);
    if (JSON.stringify(told) !== JSON.stringify(this.#rootNode)) this.#keepRootNode(told);
  }

  #keepRootNode(rootNode: RootNode): void {
    this.#rootNode = rootNode;
    try {
      writeSealed(join(this.#host.statePath, ROOT_NODE_FILE), rootNode);
    } catch (error) {
      this.#host.note(ROOT_NODE_FILE, error instanceof Error ? error.message : String(error));
    }
  }

  #isNode(name: string): boolean {
    return this.#host.facts().nodes.some((record) => record.name === name);
  }

  #ownAddress(): string {
    const own = this.#host.facts().nodes.find(({ isLocal }) => isLocal);
    if (own?.hostname !== undefined && own.port !== undefined) return hostPort(own.hostname, own.port);
    throw new NodesError(
      "the documents do not say where this node's tunnel is reached",
      "add spec.address to its Node document, or --address HOST:PORT",
    );
  }

  #workerTo(node: string): PeerWorker | undefined {
    const dialed = this.#contacts.find(node)?.dialed;
    return this.#host.workers().find(({ id }) => dialed?.has(id) === true);
  }
}

function openInvites({ statePath, note }: NodesHost): Invites {
  const path = join(statePath, "invites");
  return new Invites({
    read: () => {
      const sealed = readSealed(path);
      note("invites", sealed.state === "rotten" ? sealed.reason : undefined);
      return sealed.state === "good" ? sealed.value : undefined;
    },
    write: (value) => writeSealed(path, value),
  });
}
