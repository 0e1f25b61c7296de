import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FrameReader } from "../../wire/channel/codec.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import { LineAssembler } from "../../wire/channel/line-assembler.ts";
import { decodeToWorker } from "../../wire/channel/to-worker-frame.ts";
import { diffGenerations } from "./generation-diff.ts";
import { GenerationFileError, scanRecords, verifyGeneration } from "./generation-scan.ts";
import { EMPTY_OVERLAY, type Overlay } from "./overlay.ts";
import { changedByDrain, deltaFrames, fullFrames, type Served } from "./served.ts";

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-generation-"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

interface AnyRecord {
  readonly kind: string;
  readonly key: string;
  readonly [field: string]: unknown;
}

const listener: AnyRecord = { kind: "listener", key: "listener/outbound/127.0.0.1:0", role: "outbound", port: 0 };

function service(n: number, extra: object = {}): AnyRecord {
  const workload = `workload/prod/s${n}`;
  const endpoints = [
    { workload, hostname: "127.0.0.1", port: 9000 + n },
    { workload: `workload/prod/s${n}-b`, unix: `/run/s${n}.sock` },
  ];
  return { kind: "service", key: `service/prod/s${n}`, ports: [{ port: 80, endpoints }], ...extra };
}

function write(name: string, records: readonly AnyRecord[]): string {
  const path = join(base, name);
  const body = [{ selvedge: 1, node: "n" }, ...records].map((record) => `${JSON.stringify(record)}\n`).join("");
  const sum = new Bun.CryptoHasher("sha256").update(body).digest("hex");
  writeFileSync(path, `${body}${JSON.stringify({ sha256: sum })}\n`);
  return path;
}

function served(name: string, records: readonly AnyRecord[], overlay: Overlay = EMPTY_OVERLAY): Served {
  const path = write(name, records);
  return { generation: 1, file: name, path, ...verifyGeneration(path), overlay };
}

/** What a worker would hold after these frames. */
function takeUp(frames: Iterable<Uint8Array>, into = new Map<string, AnyRecord>()): Map<string, AnyRecord> {
  const lines = new LineAssembler();
  const reader = new FrameReader((type, payload) => {
    const frame = decodeToWorker(type, payload);
    if (frame.type === TO_WORKER.SNAPSHOT_BEGIN && frame.mode === "full") into.clear();
    if (frame.type !== TO_WORKER.SNAPSHOT_LINES) return;
    lines.push(frame.bytes, (line) => {
      const record = JSON.parse(new TextDecoder().decode(line));
      if ("delete" in record) into.delete(record.delete);
      else into.set(record.key, record);
    });
  });
  for (const frame of frames) reader.feed(frame);
  expect(lines.isBetweenLines).toBe(true);
  return into;
}

describe("a generation file", () => {
  test("is verified, and any flipped, missing or added byte is found", () => {
    const path = write("1.ndjson", [listener, service(1)]);
    expect(verifyGeneration(path).records).toBe(2);
    const good = readFileSync(path);
    for (let i = 0; i < good.length; i += 7) {
      const bad = Buffer.from(good);
      bad[i] = (bad[i] as number) ^ 1;
      writeFileSync(path, bad);
      expect(() => verifyGeneration(path)).toThrow(GenerationFileError);
      writeFileSync(path, good.subarray(0, i));
      expect(() => verifyGeneration(path)).toThrow(GenerationFileError);
    }
    writeFileSync(path, Buffer.concat([good, Buffer.from("{}\n")]));
    expect(() => verifyGeneration(path)).toThrow(GenerationFileError);
  });

  test("has a digest of its records alone", () => {
    const one = verifyGeneration(write("a.ndjson", [listener]));
    const same = verifyGeneration(write("b.ndjson", [listener]));
    const other = verifyGeneration(write("c.ndjson", [listener, service(1)]));
    expect(one.digest).toBe(same.digest);
    expect(one.digest).not.toBe(other.digest);
  });

  test("may hold a record longer than any buffer or frame", () => {
    const long = service(1, { padding: "é".repeat(400_000) });
    const file = served("long.ndjson", [listener, long, service(2)]);
    expect([...scanRecords(file.path, file.records)]).toHaveLength(3);
    const seen = takeUp(fullFrames(file));
    expect(seen.get("service/prod/s1")).toEqual(long);
    expect(seen.size).toBe(3);
  });
});

describe("the overlay", () => {
  test("gives a listener its earlier port again and leaves the rest as it is", () => {
    const overlay: Overlay = { ports: new Map([[listener.key, 40123]]), drained: new Set() };
    const fixed: AnyRecord = { ...listener, key: "listener/metrics/127.0.0.1:15020", port: 15020 };
    const seen = takeUp(fullFrames(served("p.ndjson", [listener, fixed, service(1)], overlay)));
    expect(seen.get(listener.key)?.["port"]).toBe(40123);
    expect(seen.get(fixed.key)).toEqual(fixed);
  });

  test("drains all endpoints of a workload, or one of them by address", () => {
    const drainedOf = (overlay: Overlay) => {
      const record = takeUp(fullFrames(served("d.ndjson", [service(1), service(2)], overlay))).get("service/prod/s1");
      const ports = record?.["ports"] as { endpoints: { drained?: boolean }[] }[];
      return ports[0]?.endpoints.map((endpoint) => endpoint.drained ?? false);
    };
    const drain = (name: string): Overlay => ({ ports: new Map(), drained: new Set([name]) });
    expect(drainedOf(drain("workload/prod/s1"))).toEqual([true, false]);
    expect(drainedOf(drain("workload/prod/s1|127.0.0.1:9001"))).toEqual([true, false]);
    expect(drainedOf(drain("workload/prod/s1|127.0.0.1:9999"))).toEqual([false, false]);
    expect(drainedOf(drain("workload/prod/s1-b|unix:/run/s1.sock"))).toEqual([false, true]);
    expect(drainedOf(drain("workload/prod/other"))).toEqual([false, false]);
  });

  test("drains a workload on one of the nodes that it runs on", () => {
    const here = { workload: "workload/prod/log", hostname: "127.0.0.1", port: 9000 };
    const endpoints = [here, { ...here, node: "till-2" }, { ...here, node: "till-3" }];
    const record = { kind: "service", key: "service/prod/log", ports: [{ port: 80, endpoints }] };
    const overlay: Overlay = { ports: new Map(), drained: new Set(["workload/prod/log|till-2/127.0.0.1:9000"]) };
    const seen = takeUp(fullFrames(served("n.ndjson", [record], overlay))).get("service/prod/log");
    const ports = seen?.["ports"] as { endpoints: { drained?: boolean }[] }[];
    expect(ports[0]?.endpoints.map(({ drained }) => drained ?? false)).toEqual([false, true, false]);
  });

  test("finds what one drained endpoint changes among 10,000 services in milliseconds", () => {
    const before = served(
      "many.ndjson",
      Array.from({ length: 10_000 }, (_, n) => service(n)),
    );
    const after: Overlay = { ports: new Map(), drained: new Set(["workload/prod/s4711"]) };
    const startedAtNs = Bun.nanoseconds();
    const changed = changedByDrain(before, after, "workload/prod/s4711");
    const tookMs = (Bun.nanoseconds() - startedAtNs) / 1e6;
    console.log(`one drain among 10,000 services: ${tookMs.toFixed(1)} ms in the keeper`);
    expect(changed).toHaveLength(1);
    expect(JSON.parse((changed[0] as Buffer).toString()).key).toBe("service/prod/s4711");
    expect(changedByDrain({ ...before, overlay: after }, EMPTY_OVERLAY, "workload/prod/s4711")).toHaveLength(1);
  });
});

describe("a delta", () => {
  test("brings a worker to the same records as the full snapshot", () => {
    const many = Array.from({ length: 40 }, (_, n) => service(n));
    const before = served("before.ndjson", [listener, ...many]);
    const changed = [listener, ...many.slice(2), service(99)].map((record) =>
      record.key === "service/prod/s7" ? { ...record, changed: true } : record,
    );
    const after = served("after.ndjson", changed, { ports: new Map([[listener.key, 5]]), drained: new Set() });
    const delta = diffGenerations(before, after);
    expect(delta).toHaveLength(5);
    const worker = takeUp(fullFrames(before));
    takeUp(deltaFrames(2, 1, delta ?? []), worker);
    expect(worker).toEqual(takeUp(fullFrames(after)));
  });

  test("is not made where nearly everything differs", () => {
    const many = Array.from({ length: 40 }, (_, n) => service(n));
    const others = many.map((record) => ({ ...record, other: true }));
    expect(diffGenerations(served("x.ndjson", many), served("y.ndjson", others))).toBeUndefined();
    expect(diffGenerations(served("x.ndjson", many), served("y.ndjson", many))).toEqual([]);
  });
});
