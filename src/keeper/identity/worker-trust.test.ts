import { expect, test } from "bun:test";
import { IdentityBox } from "../../../test/support/identity-box.ts";
import { FRAME_HEADER_BYTES } from "../../wire/channel/codec.ts";
import { WorkerTrust } from "./worker-trust.ts";

test("a worker counts as judging by the newest trust by what it was sent, and not by more or by an identity before", async () => {
  const box = await new IdentityBox().on();
  try {
    const versions: number[] = [];
    const worker = {
      id: 1,
      stream: (frames: Iterator<Uint8Array>) => {
        for (let next = frames.next(); next.done !== true; next = frames.next()) {
          versions.push(
            Number(new DataView(next.value.buffer, next.value.byteOffset).getBigUint64(FRAME_HEADER_BYTES, true)),
          );
        }
      },
    };
    const before = new WorkerTrust(box.site, () => [worker]);
    before.pushTrust();
    const now = new WorkerTrust(box.site, () => [worker]);
    now.pushTrust();
    expect(versions[1]).toBeGreaterThan(versions[0]!);
    let isTaken = false;
    const taken = now.whenTaken().then((is) => {
      isTaken = is;
    });
    for (const version of [versions[0]!, versions[1]! + 1, Number.MAX_SAFE_INTEGER]) now.trustTaken(1, version);
    await Promise.resolve();
    await Promise.resolve();
    expect(isTaken).toBe(false);
    now.trustTaken(1, versions[1]!);
    await taken;
    expect(isTaken).toBe(true);
  } finally {
    await box.off();
    box.remove();
  }
});
