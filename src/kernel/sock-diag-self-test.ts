/** Proof at start that this kernel answers who owns a connection, so that nothing starts where it does not. */

import { fstatSync } from "node:fs";
import type { Socket } from "bun";
import { OWNER, type SockDiag } from "./sock-diag.ts";
import { fdOf } from "./socket-fd.ts";

/** How long the loopback connection of the self-test may take; it takes less than a millisecond where loopback works at all. */
export const SELF_TEST_TIMEOUT_MS = 2000;

/** What this kernel tells. */
export interface SockDiagAbilities {
  /** IPv6 loopback exists and is answered for. */
  readonly ipv6: boolean;
  /** Answers carry cgroup ids (Linux 5.7 and later). */
  readonly cgroupIds: boolean;
}

/**
 * Opens loopback connections within this process and requires that the kernel names us as their owner, over IPv4 and, where
 * ::1 exists, over IPv6. Throws an Error that says what is missing. Leaves nothing open but `diag`, which stays the caller's.
 */
export async function sockDiagSelfTest(diag: SockDiag): Promise<SockDiagAbilities> {
  const ipv4 = await probe(diag, "127.0.0.1");
  if (ipv4 === "unreachable") throw new Error("self-test of caller recognition: 127.0.0.1 cannot be reached");
  const ipv6 = await probe(diag, "::1");
  return { ipv6: ipv6 !== "unreachable", cgroupIds: ipv4.cgroupIds };
}

const IDLE = { data() {}, close() {}, error() {} };

async function probe(diag: SockDiag, address: string): Promise<{ cgroupIds: boolean } | "unreachable"> {
  const accepted = Promise.withResolvers<Socket<undefined>>();
  const listener = listenOn(address, accepted.resolve);
  if (listener === null) return "unreachable";
  let client: Socket<undefined> | undefined;
  try {
    client = await Bun.connect<undefined>({ hostname: address, port: listener.port, socket: IDLE });
    judge(diag, client, await within(accepted.promise), address);
    return { cgroupIds: diag.cgroupId !== 0n };
  } finally {
    client?.terminate();
    listener.stop(true);
  }
}

function listenOn(hostname: string, onOpen: (socket: Socket<undefined>) => void) {
  try {
    return Bun.listen<undefined>({ hostname, port: 0, socket: { ...IDLE, open: onOpen } });
  } catch {
    return null;
  }
}

function judge(diag: SockDiag, client: Socket<undefined>, server: Socket<undefined>, address: string): void {
  const found = diag.peerOf(address, server.localPort, address, client.localPort, fdOf(server));
  if (found === OWNER.FOUND && diag.uid === process.getuid?.() && diag.inode === fstatSync(fdOf(client)).ino) return;
  const said = Object.entries(OWNER).find(([, value]) => value === found)?.[0];
  throw new Error(
    `self-test of caller recognition failed on ${address}: the kernel answered ${said} (uid ${diag.uid}, inode ${diag.inode}). ` +
      "It needs inet_diag for TCP: CONFIG_INET_DIAG, or as root `modprobe tcp_diag`",
  );
}

async function within<Value>(promise: Promise<Value>): Promise<Value> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new Error(`self-test of caller recognition: no connection within ${SELF_TEST_TIMEOUT_MS} ms`)),
    SELF_TEST_TIMEOUT_MS,
  );
  try {
    return await Promise.race([promise, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
