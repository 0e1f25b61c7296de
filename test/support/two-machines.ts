/**
 * A site's machines on this one, for tests: what `Machines` makes, and what goes wrong on a network. Dispose of it after what runs in
 * the machines; a test process that dies leaves nothing behind either.
 */

import { join } from "node:path";
import { ip, type Machine, Machines } from "../../examples/shop/demo/machines.ts";
import { programAs } from "./as-user.ts";
import { Capture } from "./capture.ts";
import { type LineProcess, startLines } from "./line-process.ts";
import type { Needs } from "./needs.ts";
import type { Recorded, Recording } from "./recorder-program.ts";
import type { Wire } from "./wire-program.ts";

/** What tests with machines need; the reason why one is skipped otherwise. */
export const MACHINES_NEEDS: Needs = {
  root: true,
  programs: ["ip", "nsenter", "unshare", "setpriv"],
  also: { "network namespaces": canMakeNamespaces() },
};

function canMakeNamespaces(): boolean {
  if (process.getuid?.() !== 0) return false;
  return Bun.spawnSync(["unshare", "--net", "true"], { stdio: ["ignore", "ignore", "ignore"] }).exitCode === 0;
}

/** A frame is passed on as one segment: what is lost is lost as on a real line. */
const ONE_SEGMENT = "link set eth0 gso_max_segs 1";

/** A hardware address that no machine has: what is sent there is lost in silence. */
const NOBODY = "02:00:00:00:00:01";

/** The machines of one test. */
export class Lab implements AsyncDisposable {
  readonly machines: Machines;

  private constructor(machines: Machines) {
    this.machines = machines;
  }

  /** Machines `till-1`, `till-2`, …, or those named. */
  static async make(names: readonly string[] = ["till-1", "till-2"]): Promise<Lab> {
    const machines = await Machines.make(names);
    for (const machine of machines.list) await ip(machine, [ONE_SEGMENT]);
    return new Lab(machines);
  }

  machine(name: string): Machine {
    return this.machines.machine(name);
  }

  /** From now on nothing comes to or from the machine, and nobody is told. */
  async cut(name: string): Promise<void> {
    await ip(this.machines.switch, [`link set ${this.machines.port(name)} nomaster`]);
  }

  /** Undoes `cut`. */
  async mend(name: string): Promise<void> {
    await ip(this.machines.switch, [`link set ${this.machines.port(name)} master sw0`]);
  }

  /** From now on these two do not hear each other; all others do. Nobody is told. */
  async part(one: string, other: string): Promise<void> {
    const { address } = this.machine(other);
    await ip(this.machine(one), [`neigh replace ${address} lladdr ${NOBODY} dev eth0 nud permanent`]);
  }

  /** Undoes `part`. */
  async join(one: string, other: string): Promise<void> {
    await ip(this.machine(one), [`neigh del ${this.machine(other).address} dev eth0`]);
  }

  /** As `cut`, and the machine sees that its cable is out. */
  async unplug(name: string): Promise<void> {
    await ip(this.machines.switch, [`link set ${this.machines.port(name)} down`]);
  }

  /** Undoes `unplug`. */
  async plug(name: string): Promise<void> {
    await ip(this.machines.switch, [`link set ${this.machines.port(name)} up`]);
  }

  /** Gives the machine another address of the network, at once; its connections hang. */
  async move(name: string, address: string): Promise<void> {
    await ip(this.machine(name), ["addr flush dev eth0", `addr add ${address}/24 dev eth0`]);
  }

  /** Every frame between the machines comes late by `delayMs` and some more, and a share `loss` never, until disposed of. */
  async badLine(line: Omit<Wire, "interfaces">): Promise<AsyncDisposable> {
    const ports = this.machines.list.map(({ name }) => this.machines.port(name));
    const wire: Wire = { interfaces: ports, ...line };
    await ip(
      this.machines.switch,
      ports.map((port) => `link set ${port} nomaster`),
    );
    const child = startLines([...this.machines.switch.enter, ...programAs(undefined, program("wire"), wire)]);
    await child.line();
    return {
      [Symbol.asyncDispose]: async () => {
        await child.end();
        await ip(
          this.machines.switch,
          ports.map((port) => `link set ${port} master sw0`),
        );
      },
    };
  }

  /** Records all that comes to and from the machine into a pcap file. */
  async record(name: string, file: string): Promise<Recorder> {
    const recording: Recording = { interface: this.machines.port(name), file };
    const child = startLines([...this.machines.switch.enter, ...programAs(undefined, program("recorder"), recording)]);
    await child.line();
    return new Recorder(child, file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.machines[Symbol.asyncDispose]();
  }
}

/** A running recording. Dispose of it. */
export class Recorder implements AsyncDisposable {
  readonly #child: LineProcess;
  readonly #file: string;

  constructor(child: LineProcess, file: string) {
    this.#child = child;
    this.#file = file;
  }

  /** Ends it and answers what was on the line. Rejects where a frame was missed: then absence would prove nothing. */
  async stop(): Promise<Capture> {
    this.#child.closeInput();
    const recorded = JSON.parse(await this.#child.line()) as Recorded;
    if (recorded.missed > 0) throw new Error(`the recording missed ${recorded.missed} of ${recorded.frames} frames`);
    return Capture.read(this.#file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child.end();
  }
}

function program(name: string): string {
  return join(import.meta.dir, `${name}-program.ts`);
}
