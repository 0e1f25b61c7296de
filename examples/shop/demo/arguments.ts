/** `npm run demo [-- --for 15s]`. */
export interface DemoArguments {
  /** After this long the demo ends by itself; `undefined`: it runs until Ctrl-C. */
  readonly forMs: number | undefined;
}

/** Shorter than this nothing can be shown. */
const FOR_MIN_MS = 5_000;

/** Reads the arguments; a string is what to tell the user instead. */
export function parseDemoArguments(args: readonly string[]): DemoArguments | string {
  const usage = "usage: npm run demo [-- --for DURATION], for instance --for 15s (at least 5s)";
  if (args.length === 0) return { forMs: undefined };
  const text = args[0] === "--for" && args.length === 2 ? args[1] : /^--for=(.+)$/.exec(args.join(" "))?.[1];
  const match = /^(\d+)(ms|s|m)$/.exec(text ?? "");
  if (match === null) return usage;
  const forMs = Number(match[1]) * { ms: 1, s: 1_000, m: 60_000 }[match[2] as "ms" | "s" | "m"];
  return forMs < FOR_MIN_MS ? usage : { forMs };
}
