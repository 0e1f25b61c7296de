/**
 * Somebody who calls by HTTP where he is told to, in a process of its own. Each line of input is an `Errand` as JSON, each line of
 * output its `Outcome`, in the order in which they end; errands run side by side. Prints `ready` first; ends with its input.
 */

export interface Errand {
  readonly id: number;
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Default: 10 s. */
  readonly timeoutMs?: number;
}

export type Outcome =
  | {
      readonly id: number;
      readonly status: number;
      readonly headers: Readonly<Record<string, string>>;
      readonly body: string;
      readonly tookMs: number;
    }
  | { readonly id: number; readonly error: string };

const TIMEOUT_DEFAULT_MS = 10_000;

async function run(errand: Errand): Promise<Outcome> {
  const { id, url, method = "GET", headers = {}, body, timeoutMs = TIMEOUT_DEFAULT_MS } = errand;
  const startMs = performance.now();
  try {
    const response = await fetch(url, {
      method,
      // A connection of its own: what the one before met must not decide.
      headers: { connection: "close", ...headers },
      redirect: "manual",
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const tookMs = performance.now() - startMs;
    return { id, status: response.status, headers: Object.fromEntries(response.headers), body: text, tookMs };
  } catch (error) {
    return { id, error: String(error) };
  }
}

console.log("ready");
for await (const line of console) {
  void run(JSON.parse(line) as Errand).then((outcome) => console.log(JSON.stringify(outcome)));
}
process.exit(0);
