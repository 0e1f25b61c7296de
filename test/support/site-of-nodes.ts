import { join } from "node:path";
import type { NodeRow } from "../../src/keeper/nodes/node-rows.ts";
import { type Finished, type MeshEvent, MeshProcess, runSelvedge } from "./mesh-process.ts";

/** Most nodes of a site here. */
const NODES_MAX = 4;

/**
 * A site of real nodes, each `selvedge up` in a process of its own on a loopback address of its own: `till-1` at 127.0.0.1 and
 * so on. The first one makes the site's root. Disposing of it ends everything that was started.
 */
export class SiteOfNodes implements AsyncDisposable {
  readonly trustDomain: string;
  readonly port: number;
  readonly #meshes = new Map<string, MeshProcess>();

  constructor(trustDomain = "store.example") {
    this.trustDomain = trustDomain;
    this.port = freePort();
  }

  /** The documents, as the node at this place reads them. */
  documents(number: number, more = ""): string {
    const nodes = Array.from({ length: NODES_MAX }, (_, at) => {
      const spec = `{ address: "${this.address(at + 1)}" }`;
      return `---\napiVersion: selvedge/v1\nkind: Node\nmetadata: { name: till-${at + 1} }\nspec: ${spec}\n`;
    });
    const tunnel = `tunnel: "${this.address(number)}"`;
    const spec = `{ trustDomain: ${this.trustDomain}, outbound: "127.0.0.1:0", metrics: "127.0.0.1:0", ${tunnel} }`;
    return `apiVersion: selvedge/v1\nkind: Site\nmetadata: { name: store }\nspec: ${spec}\n${nodes.join("")}${more}`;
  }

  /** Where the tunnel of a node is. */
  address(number: number): string {
    return `127.0.0.${number}:${this.port}`;
  }

  /** A node that is not started yet. `box`: another machine under the same name. */
  node(number: number, box = ""): MeshProcess {
    const key = `${number}${box}`;
    const known = this.#meshes.get(key);
    if (known !== undefined) return known;
    const mesh = new MeshProcess(this.documents(number));
    this.#meshes.set(key, mesh);
    return mesh;
  }

  /** Starts a node; resolves when it has an identity that it can be reached by. */
  async start(number: number, box = "", ...args: readonly string[]): Promise<MeshProcess> {
    const mesh = this.node(number, box);
    const from = mesh.events.length;
    await mesh.start("--node", `till-${number}`, ...args);
    await mesh.event("identity", from, ({ what }) => what === "svids_renewed");
    return mesh;
  }

  /** A token from the first node, as the operator gets it. */
  async invite(number: number, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await this.node(1).cli("node", "invite", `till-${number}`, ...args);
    if (code !== 0) throw new Error(`invite: ${stderr}`);
    return stdout.trim();
  }

  /** What a machine says when it joins. */
  join(mesh: MeshProcess, token: string): Promise<Finished> {
    return runSelvedge(["node", "join", token, "--state", mesh.state]);
  }

  /** Invites, joins and starts a node, and waits until the first node has its tunnel to it. */
  async add(number: number, box = "", ...args: readonly string[]): Promise<MeshProcess> {
    const mesh = this.node(number, box);
    const { code, stderr } = await this.join(mesh, await this.invite(number, ...args));
    if (code !== 0) throw new Error(`join: ${stderr}`);
    const first = this.node(1);
    const from = first.events.length;
    await this.start(number, box);
    await connected(first, `till-${number}`, from);
    return mesh;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const mesh of this.#meshes.values()) await mesh[Symbol.asyncDispose]();
  }
}

/** Resolves when a node's own dial to another one is up. */
export function connected(mesh: MeshProcess, node: string, from = 0): Promise<MeshEvent> {
  return mesh.event(
    "node",
    from,
    (event) => event["what"] === "connected" && event["node"] === node && event["detail"] === "dialer",
  );
}

/** `node ls -o json`, by name. */
export async function listNodes(mesh: MeshProcess): Promise<Readonly<Record<string, NodeRow>>> {
  const { code, stdout, stderr } = await mesh.cli("node", "ls", "-o", "json");
  if (code !== 0) throw new Error(stderr);
  return Object.fromEntries((JSON.parse(stdout) as NodeRow[]).map((row) => [row.name, row]));
}

/** Lines of the audit log about one operation. */
export async function auditLines(mesh: MeshProcess, op: string): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const file = Bun.file(join(mesh.state, "audit.ndjson"));
  const text = (await file.exists()) ? await file.text() : "";
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>).filter((line) => line["op"] === op);
}

/** A port that is free on every loopback address that a site may use. */
function freePort(): number {
  for (;;) {
    const probes: { stop(): void; readonly port: number }[] = [];
    const nothing = { data() {} };
    try {
      probes.push(Bun.listen({ hostname: "127.0.0.1", port: 0, socket: nothing }));
      const port = probes[0]?.port ?? 0;
      for (let at = 2; at <= NODES_MAX; at++)
        probes.push(Bun.listen({ hostname: `127.0.0.${at}`, port, socket: nothing }));
      return port;
    } catch {
      // Taken on one of the others: the next one.
    } finally {
      for (const probe of probes) probe.stop();
    }
  }
}
