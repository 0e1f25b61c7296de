import { expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { clientOptions, makePki, serverOptions, type TlsOptions } from "../support/tls.ts";

const pki = makePki();
const CLIENT = `${import.meta.dir}/../support/churn-client.ts`;
const MIB = 1024 * 1024;

function residentBytes(): number {
  Bun.gc(true);
  const pages = Number(readFileSync("/proc/self/statm", "latin1").split(" ")[1]);
  return pages * 4096;
}

/** A server in this process, clients in another: what grows here is the server's. */
async function churn(connections: number, tls?: { server: TlsOptions; client: TlsOptions }): Promise<number> {
  let open = 0;
  let served = 0;
  const listener = Bun.listen<undefined>({
    hostname: "127.0.0.1",
    port: 0,
    ...(tls === undefined ? {} : { tls: tls.server as never }),
    socket: {
      open: () => void open++,
      data(socket) {
        served++;
        socket.write("served");
      },
      close: () => void open--,
      error() {},
    },
  });
  const run = async (count: number) => {
    const argument = JSON.stringify({ port: listener.port, count, tls: tls?.client ?? null });
    const client = Bun.spawn([process.execPath, CLIENT, argument], { stdio: ["ignore", "inherit", "inherit"] });
    expect(await client.exited).toBe(0);
    while (open > 0) await new Promise((resolve) => setImmediate(resolve));
  };
  // The first ones fill pools and caches that stay.
  await run(connections / 5);
  const descriptors = readdirSync("/proc/self/fd").length;
  const before = residentBytes();
  await run(connections);
  expect(served).toBe(connections + connections / 5);
  expect(readdirSync("/proc/self/fd").length).toBe(descriptors);
  const grown = residentBytes() - before;
  listener.stop(true);
  return grown;
}

test("10,000 connections, plain and mutual TLS, leave no descriptor and no memory behind", async () => {
  const plain = await churn(7000);
  const secure = await churn(3000, { server: serverOptions(pki), client: clientOptions(pki) });
  console.log(`after 7,000 plain ${(plain / MIB).toFixed(1)} MiB, after 3,000 TLS ${(secure / MIB).toFixed(1)} MiB`);
  // A leak of one 4 KiB page each would be 27 and 12 MiB.
  expect(plain).toBeLessThan(16 * MIB);
  expect(secure).toBeLessThan(10 * MIB);
}, 30_000);
