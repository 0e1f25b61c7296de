/**
 * A gRPC client in a process of its own. Each line of input is an order (`Order`), answered by one line of output
 * (`Report`) when it is done; orders run one after the other.
 */
import { createInterface } from "node:readline";
import { Metadata } from "@grpc/grpc-js";
import { Caller, type Target } from "./caller.ts";
import { runCase, type Targets } from "./cases.ts";
import { METHODS } from "./messages.ts";
import { DEADLINE_MS, SERVER_NAME } from "./service.ts";

/** A case of the interop list, or `count` empty calls on one channel, `atOnce` of them under way. */
export type Order =
  | { readonly case: string; readonly targets: Targets }
  | {
      readonly calls: number;
      readonly atOnce: number;
      readonly target: Target;
      readonly metadata?: Readonly<Record<string, string>>;
      readonly deadlineMs?: number;
      /** Default: `/grpc.testing.TestService/EmptyCall`. */
      readonly path?: string;
    };

/** How one call ended. */
export interface CallReport {
  readonly code: number;
  readonly details: string;
  /** Who answered; empty where nobody of ours did. */
  readonly server: string;
  /** The deadline that reached the server. */
  readonly deadlineMs?: number;
  readonly tookMs: number;
  /** The mesh's own reason, where it answered. */
  readonly reason: string;
}

export interface Report {
  /** Why a case failed; absent where it passed. */
  readonly failure?: string;
  readonly calls?: readonly CallReport[];
}

type Calls = Extract<Order, { readonly calls: number }>;

async function callOnce(caller: Caller, order: Calls): Promise<CallReport> {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(order.metadata ?? {})) metadata.set(name, value);
  const startedAt = performance.now();
  const options = order.deadlineMs === undefined ? {} : { deadline: Date.now() + order.deadlineMs };
  const method = { ...METHODS.EmptyCall, path: order.path ?? METHODS.EmptyCall.path };
  const { status, initial } = await caller.unary(method, {}, metadata, options);
  const text = (name: string) => String(initial.get(name)[0] ?? status.metadata.get(name)[0] ?? "");
  const deadline = text(DEADLINE_MS);
  return {
    code: status.code,
    details: status.details,
    server: text(SERVER_NAME),
    ...(deadline === "" ? {} : { deadlineMs: Number(deadline) }),
    tookMs: performance.now() - startedAt,
    reason: text("x-selvedge-reason"),
  };
}

async function callMany(order: Calls): Promise<CallReport[]> {
  const caller = new Caller(order.target);
  const reports: CallReport[] = [];
  let started = 0;
  const run = async () => {
    while (started < order.calls) {
      started++;
      reports.push(await callOnce(caller, order));
    }
  };
  await Promise.all(Array.from({ length: order.atOnce }, run));
  caller.close();
  return reports;
}

async function obey(order: Order): Promise<Report> {
  if ("calls" in order) return { calls: await callMany(order) };
  try {
    await runCase(order.case, order.targets);
    return {};
  } catch (error) {
    return { failure: error instanceof Error ? error.message : String(error) };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  console.log(JSON.stringify(await obey(JSON.parse(line) as Order)));
}
