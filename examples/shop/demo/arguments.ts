/** `npm run demo [-- --for 15s] [--nodes 2]`. */
export interface DemoArguments {
  /** After this long the demo ends by itself; `undefined`: it runs until Ctrl-C. */
  readonly forMs: number | undefined;
  /** Machines that the shop is split across. */
  readonly nodes: 1 | 2;
}

/** Shorter than this nothing can be shown. */
const FOR_MIN_MS = 5_000;

const USAGE =
  "usage: npm run demo [-- [--for DURATION] [--nodes 2]], for instance --for 15s (at least 5s); 2 nodes need root";

/** Reads the arguments; a string is what to tell the user instead. */
export function parseDemoArguments(args: readonly string[]): DemoArguments | string {
  const values = new Map<string, string>();
  const words = args.flatMap((arg) => /^(--\w+)=(.*)$/.exec(arg)?.slice(1) ?? arg);
  for (let at = 0; at < words.length; at += 2) {
    const [name = "", value] = words.slice(at, at + 2);
    if (value === undefined || values.has(name) || (name !== "--for" && name !== "--nodes")) return USAGE;
    values.set(name, value);
  }
  const forMs = durationMs(values.get("--for"));
  const nodes = values.get("--nodes") ?? "1";
  if (forMs === "wrong" || (nodes !== "1" && nodes !== "2")) return USAGE;
  return { forMs, nodes: nodes === "2" ? 2 : 1 };
}

function durationMs(text: string | undefined): number | undefined | "wrong" {
  if (text === undefined) return undefined;
  const match = /^(\d+)(ms|s|m)$/.exec(text);
  if (match === null) return "wrong";
  const ms = Number(match[1]) * { ms: 1, s: 1_000, m: 60_000 }[match[2] as "ms" | "s" | "m"];
  return ms < FOR_MIN_MS ? "wrong" : ms;
}
