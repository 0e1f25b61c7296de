/**
 * Several machines on one: network namespaces, each with a loopback and one Ethernet port, all ports on one switch. Needs root and
 * iproute2. Nothing has to be cleaned up by hand: every namespace is held by a child that ends when this process does, whichever
 * way, and the kernel removes a namespace that nobody is in.
 */

/** Private addresses, seen only within the namespaces. Machine N of the list is host N. */
const NETWORK = "10.89.7";

/** The address of the machine at a place of the list. */
export function addressOf(index: number): string {
  return `${NETWORK}.${index + 1}`;
}

/** A machine, or the switch between them. */
export interface Machine {
  readonly name: string;
  /** Its address on the network; empty for the switch. */
  readonly address: string;
  /** Process that holds the namespace. */
  readonly pid: number;
  /** What a command is started through to run there. The command keeps the pid it was started with. */
  readonly enter: readonly string[];
}

type Holder = Bun.Subprocess<"pipe", "pipe", "inherit">;

/** Machines and their switch. Dispose of it after everything that runs in them. */
export class Machines implements AsyncDisposable {
  readonly list: readonly Machine[];
  /** Port `p1` of its bridge `sw0` belongs to the first machine, and so on. */
  readonly switch: Machine;
  readonly #holders: readonly Holder[];

  private constructor(all: readonly Machine[], holders: readonly Holder[]) {
    this.switch = all[0] as Machine;
    this.list = all.slice(1);
    this.#holders = holders;
  }

  /** Makes and connects them. Rejects, with nothing left, where the system does not let it. */
  static async make(names: readonly string[]): Promise<Machines> {
    const holders: Holder[] = [];
    try {
      for (const _ of ["switch", ...names]) holders.push(await hold());
      const all = ["switch", ...names].map((name, index) => ({
        name,
        address: index === 0 ? "" : addressOf(index - 1),
        pid: (holders[index] as Holder).pid,
        enter: ["nsenter", `--net=/proc/${(holders[index] as Holder).pid}/ns/net`, "--"],
      }));
      const machines = new Machines(all, holders);
      await machines.#connect();
      return machines;
    } catch (error) {
      await release(holders);
      throw error;
    }
  }

  /** The machine of this name; throws where there is none. */
  machine(name: string): Machine {
    const found = this.list.find((machine) => machine.name === name);
    if (found === undefined) throw new Error(`no machine ${name}`);
    return found;
  }

  /** The switch's port for this machine. */
  port(name: string): string {
    return `p${this.list.indexOf(this.machine(name)) + 1}`;
  }

  async #connect(): Promise<void> {
    await ip(this.switch, [
      "link set lo up",
      "link add sw0 type bridge mcast_snooping 0",
      "link set sw0 up",
      ...this.list.flatMap(({ name, pid }) => [
        `link add ${this.port(name)} type veth peer name eth0 netns ${pid}`,
        `link set ${this.port(name)} master sw0 up`,
      ]),
    ]);
    for (const machine of this.list)
      await ip(machine, ["link set lo up", `addr add ${machine.address}/24 dev eth0`, "link set eth0 up"]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await release(this.#holders);
  }
}

/** Runs lines of `ip -batch` on a machine. Rejects with what it said. */
export async function ip(machine: Machine, lines: readonly string[]): Promise<void> {
  const child = Bun.spawn([...machine.enter, "ip", "-batch", "-"], {
    stdin: Buffer.from(`${lines.join("\n")}\n`),
    stdout: "ignore",
    stderr: "pipe",
  });
  const [said, code] = await Promise.all([new Response(child.stderr).text(), child.exited]);
  if (code !== 0) throw new Error(`ip on ${machine.name} failed (${lines.join("; ")}): ${said.trim()}`);
}

/** A namespace of its own, for as long as the child's standard input is open. */
async function hold(): Promise<Holder> {
  const holder = Bun.spawn(["unshare", "--net", "--", "sh", "-c", "echo held; read -r _"], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
    detached: true,
  });
  for await (const _ of holder.stdout) return holder;
  throw new Error(`no network namespace can be made here (unshare ended with ${await holder.exited})`);
}

async function release(holders: readonly Holder[]): Promise<void> {
  for (const holder of holders) holder.stdin.end();
  await Promise.all(holders.map((holder) => holder.exited));
}
