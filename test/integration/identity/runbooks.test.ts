import { describe, expect, setDefaultTimeout, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { IdentityDescription } from "../../../src/keeper/identity/describe-identity.ts";
import { fencesOf } from "../../../tools/markdown.ts";
import type { MeshProcess } from "../../support/mesh-process.ts";
import { auditLines, connected, listNodes, SiteOfNodes } from "../../support/site-of-nodes.ts";

setDefaultTimeout(240_000);

/** One command of a runbook and the machine it is typed on. */
interface Step {
  readonly section: string;
  readonly words: readonly string[];
  readonly node: number;
  readonly box: string;
}

const document = readFileSync(join(import.meta.dir, "../../../docs/runbooks.md"), "utf8");

/** The steps of the document, in its order. */
function stepsOf(text: string): Step[] {
  const lines = text.split("\n");
  return fencesOf(text).flatMap((fence) => {
    const section = lines.slice(0, fence.line).findLast((line) => line.startsWith("## ")) ?? "";
    return fence.text.split("\n").map((line) => {
      const found = /^(.+?)\s+# on till-(\d)(, new)?$/.exec(line);
      if (found === null) throw new Error(`a command without its machine: ${line}`);
      const words = [...(found[1] as string).matchAll(/"([^"]*)"|(\S+)/g)].map((word) => word[1] ?? word[2] ?? "");
      return { section: section.slice(3), words, node: Number(found[2]), box: found[3] === undefined ? "" : "new" };
    });
  });
}

/** Types what a runbook says, on machines of a test. */
class Operator {
  readonly site = new SiteOfNodes();
  readonly #stick: string;
  readonly #steps = stepsOf(document);
  #token = "";

  constructor() {
    this.#stick = join(this.site.node(1).base, "stick");
    mkdirSync(this.#stick);
    writeFileSync(join(this.#stick, "passphrase"), "four words drawn by dice\n", { mode: 0o600 });
  }

  /** Carries out one section; every command has to end with 0. */
  async follow(section: string): Promise<void> {
    const steps = this.#steps.filter((step) => step.section === section);
    if (steps.length === 0) throw new Error(`no runbook ${section}`);
    for (const step of steps) await this.#type(step);
  }

  get sections(): readonly string[] {
    return [...new Set(this.#steps.map(({ section }) => section))];
  }

  async #type({ words, node, box }: Step): Promise<void> {
    const mesh = this.site.node(node, box);
    const [program, ...rest] = words;
    if (program === "systemctl") {
      if (rest[0] === "stop") await mesh.stop();
      else await this.site.start(node, box);
      return;
    }
    const args = rest.map((word) => (word === "TOKEN" ? this.#token : word.replace("/media/stick", this.#stick)));
    const isSecret = ["backup", "restore", "promote"].includes(args[1] ?? "");
    const { code, stdout, stderr } = await mesh.cli(
      ...args,
      ...(isSecret ? ["--passphrase-file", join(this.#stick, "passphrase")] : []),
    );
    if (code !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
    if (args[1] === "invite") this.#token = stdout.trim();
  }
}

async function identity(mesh: MeshProcess): Promise<IdentityDescription> {
  const { code, stdout, stderr } = await mesh.cli("identity", "list", "-o", "json");
  if (code !== 0) throw new Error(stderr);
  return JSON.parse(stdout) as IdentityDescription;
}

const rootOf = async (mesh: MeshProcess): Promise<string> => (await identity(mesh)).certificates[0]?.keyHash ?? "";

describe("the runbooks", () => {
  test("work as they are written, one after the other, on one site", async () => {
    const operator = new Operator();
    await using site = operator.site;
    const followed: string[] = [];
    const follow = async (section: string): Promise<void> => {
      await operator.follow(section);
      followed.push(section);
    };
    const first = await site.start(1);
    const second = await site.add(2);
    const third = await site.add(3);
    const root = await rootOf(first);

    await follow("See what ends when");
    await follow("Back up the root");
    expect(await auditLines(first, "identity-backup")).toMatchObject([{ outcome: "done" }]);

    let started = performance.now();
    await follow("Change the root");
    console.log(`a root of three nodes was changed in ${Math.round((performance.now() - started) / 1000)} s`);
    const changed = await rootOf(first);
    expect(changed).not.toBe(root);
    expect(await Promise.all([second, third].map(rootOf))).toEqual([changed, changed]);
    expect((await identity(third)).bundleSequence).toBe(4);

    await first.stop();
    let from = second.events.length;
    await follow("The root's machine is dead");
    const again = site.node(1, "new");
    await connected(second, "till-1", from);
    expect(await rootOf(again)).toBe(changed);
    expect(await auditLines(again, "identity-restore")).toHaveLength(1);

    await again.stop();
    await follow("Another machine takes over the root");
    expect((await identity(second)).holdsRoot).toBe(true);
    await connected(third, "till-2");
    const issuerOf = async (mesh: MeshProcess) =>
      (await identity(mesh)).certificates.find(({ kind }) => kind === "issuer")?.keyHash;
    const before = await issuerOf(third);
    const renewed = await third.cli("identity", "rotate", "--issuer");
    expect(renewed.stderr).toBe("");
    expect(await issuerOf(third)).not.toBe(before);

    started = performance.now();
    await follow("The root's key may be in other hands");
    console.log(`a compromised root is gone after ${Math.round((performance.now() - started) / 1000)} s`);
    expect(await rootOf(second)).not.toBe(changed);
    expect(await rootOf(third)).toBe(await rootOf(second));
    expect((await listNodes(second))["till-3"]?.state).toBe("connected");

    await follow("A machine was stolen");
    expect((await listNodes(second))["till-3"]?.state).toBe("banned");
    await third.stop();

    from = second.events.length;
    await follow("A dead machine is replaced under the same name");
    await connected(second, "till-3", from);
    from = second.events.length;
    await follow("A machine was away for too long");
    await connected(second, "till-3", from);
    await follow("Make certificates anew by hand");
    expect(followed).toEqual([...operator.sections]);
  });
});
