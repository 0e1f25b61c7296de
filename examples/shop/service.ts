/**
 * One service of the shop, as somebody would write it who knows nothing of the mesh: it serves HTTP on a unix socket and
 * calls others by name, through `http_proxy`. Argument: JSON of `ShopService`. It ends when its standard input does.
 *
 * `web` and `intruder` make the traffic and report what they see, one JSON object per line on stdout.
 */

export interface ShopService {
  readonly name: "web" | "orders" | "payments" | "intruder";
  readonly version?: string;
  /** Where it listens; absent for those that only call. */
  readonly unix?: string;
}

/** What `web` saw of one batch of requests to orders. */
export interface BatchReport {
  readonly type: "batch";
  readonly v1: number;
  readonly v2: number;
  /** Requests that failed or were answered by something other than a version of orders. */
  readonly errors: number;
  readonly lastError: string;
}

/** What `intruder` was told. `status` 0: no answer at all. */
export interface RefusalReport {
  readonly type: "refusal";
  readonly status: number;
  readonly id: string;
  readonly reason: string;
}

export type ShopReport = BatchReport | RefusalReport | { readonly type: "listening"; readonly unix: string };

/** Requests in a batch, which is also the number over which 99 and 1 come out even. */
export const BATCH_REQUESTS = 100;
const BATCH_GAP_MS = 250;
const BATCH_CONCURRENCY = 4;
const INTRUDER_GAP_MS = 400;
/** After a failure a caller holds back, as any caller should. */
const ERROR_PAUSE_MS = 25;
/** One order in this many is paid. */
const PAID_EVERY = 5;

const report = (line: ShopReport) => console.log(JSON.stringify(line));

let orders = 0;

async function answerOrder(version: string): Promise<Response> {
  const headers = { "x-version": version };
  if (++orders % PAID_EVERY !== 0) return Response.json({ order: orders, version }, { headers });
  const isPaid = await pay(orders);
  return Response.json({ order: orders, version, paid: isPaid }, { status: isPaid ? 200 : 502, headers });
}

/** False also where nobody answered: the demo kills the proxy under calls that are under way. */
async function pay(order: number): Promise<boolean> {
  try {
    const payment = await fetch("http://payments/charge", { method: "POST", body: JSON.stringify({ order }) });
    await payment.arrayBuffer();
    return payment.ok;
  } catch {
    return false;
  }
}

function serve(service: ShopService, unix: string): void {
  Bun.serve({
    unix,
    async fetch(request) {
      if (service.name === "orders") return answerOrder(service.version ?? "v1");
      await request.arrayBuffer();
      return Response.json({ charged: true });
    },
  });
  report({ type: "listening", unix });
}

async function oneOrder(): Promise<string> {
  const response = await fetch("http://orders/orders/42", { signal: AbortSignal.timeout(5_000) });
  await response.arrayBuffer();
  const version = response.headers.get("x-version");
  if (response.status === 200 && version !== null) return version;
  return `status ${response.status} ${response.headers.get("x-selvedge-reason") ?? ""}`;
}

async function batch(): Promise<BatchReport> {
  let left = BATCH_REQUESTS;
  const counts = { v1: 0, v2: 0, errors: 0, lastError: "" };
  const caller = async () => {
    while (left-- > 0) {
      const outcome = await oneOrder().catch((error: unknown) => String(error));
      if (outcome === "v1" || outcome === "v2") counts[outcome]++;
      else {
        counts.errors++;
        counts.lastError = outcome;
        await Bun.sleep(ERROR_PAUSE_MS);
      }
    }
  };
  await Promise.all(Array.from({ length: BATCH_CONCURRENCY }, caller));
  return { type: "batch", ...counts };
}

async function intrude(): Promise<RefusalReport> {
  try {
    const response = await fetch("http://payments.prod/charge", { method: "POST", signal: AbortSignal.timeout(5_000) });
    await response.arrayBuffer();
    const header = (name: string) => response.headers.get(name) ?? "";
    return {
      type: "refusal",
      status: response.status,
      id: header("x-selvedge-id"),
      reason: header("x-selvedge-reason"),
    };
  } catch (error) {
    return { type: "refusal", status: 0, id: "", reason: String(error) };
  }
}

async function main(service: ShopService): Promise<void> {
  if (service.unix !== undefined) serve(service, service.unix);
  else
    for (;;) {
      report(service.name === "web" ? await batch() : await intrude());
      await Bun.sleep(service.name === "web" ? BATCH_GAP_MS : INTRUDER_GAP_MS);
    }
}

if (import.meta.main) {
  void main(JSON.parse(process.argv[2] as string) as ShopService);
  for await (const _ of Bun.stdin.stream());
  process.exit(0);
}
