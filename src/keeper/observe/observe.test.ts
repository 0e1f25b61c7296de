import { afterAll, beforeAll, describe, expect, jest, test } from "bun:test";
import { existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { METRICS_CHUNKS_AHEAD, TO_WORKER } from "../../wire/channel/frames.ts";
import type { ToWorkerFrame } from "../../wire/channel/to-worker-frame.ts";
import { LogFile } from "./log-file.ts";
import { PULSE_IDLE_MS, PULSE_MS, Pulse, WATCHED_MS } from "./pulse.ts";
import { SCRAPE_STALL_MS, SCRAPES_MAX, ScrapeService } from "./scrape-service.ts";

let base: string;
beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), "selvedge-observe-"));
});
afterAll(() => rmSync(base, { recursive: true, force: true }));

describe("LogFile", () => {
  test("keeps at most two files of its bound, and the newest lines", () => {
    const log = new LogFile(join(base, "a", "log.ndjson"), 1000);
    for (let n = 0; n < 100; n++) log.append(`{"n":${n},"padding":"${"x".repeat(50)}"}\n`);
    const sizes = [log.path, `${log.path}.1`].map((path) => statSync(path).size);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(1000);
    expect(log.findLast('"n":99,')).toStartWith('{"n":99,');
    expect(log.findLast('"n":85,')).toStartWith('{"n":85,');
    expect(log.findLast('"n":1,')).toBeUndefined();
    log.close();
  });

  test("goes on behind what an earlier keeper wrote", () => {
    const path = join(base, "again.ndjson");
    for (const line of ["one\n", "two\n"]) {
      const log = new LogFile(path);
      log.append(line);
      log.close();
    }
    expect(new LogFile(path).findLast("one")).toBe("one");
    expect(new LogFile(join(base, "none")).findLast("one")).toBeUndefined();
    expect(existsSync(join(base, "none"))).toBe(false);
  });

  test("finds the newest of several, and one that lies across the pieces it reads", () => {
    const log = new LogFile(join(base, "large.ndjson"));
    const filler = `${"f".repeat(1000)}\n`;
    log.append(`id-1 old\n${filler.repeat(255)}id-2 across ${"y".repeat(3000)}\n${filler.repeat(255)}id-1 new\n`);
    expect(log.findLast("id-1")).toBe("id-1 new");
    expect(log.findLast("id-2")).toStartWith("id-2 across");
    expect(log.findLast("id-1 old")).toBe("id-1 old");
    log.close();
  });
});

class Scraper {
  readonly frames: ToWorkerFrame[] = [];
  send(frame: ToWorkerFrame): boolean {
    this.frames.push(frame);
    return true;
  }
  get isDone(): boolean {
    return this.frames.some((frame) => frame.type === TO_WORKER.METRICS_CHUNK && frame.isLast);
  }
}

function* pieces(count: number): Generator<Uint8Array> {
  for (let n = 0; n < count; n++) yield Uint8Array.of(n);
}

const turns = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
};

describe("ScrapeService", () => {
  test("renders no more than the window ahead of who reads", async () => {
    const scraper = new Scraper();
    const service = new ScrapeService<Scraper>(
      () => pieces(10),
      () => 0,
    );
    service.begin(scraper, 1);
    await turns();
    expect(scraper.frames).toHaveLength(METRICS_CHUNKS_AHEAD);
    for (let n = 0; n < 10; n++) {
      service.more(scraper, 1, false);
      await turns();
    }
    expect(scraper.isDone).toBe(true);
    expect(scraper.frames).toHaveLength(11);
  });

  test("bounds how many are under way, and makes room when one is cancelled, stalls, or its worker is gone", async () => {
    let nowMs = 0;
    const service = new ScrapeService<Scraper>(
      () => pieces(10),
      () => nowMs,
    );
    const scrapers = Array.from({ length: SCRAPES_MAX + 1 }, () => new Scraper());
    for (const scraper of scrapers) service.begin(scraper, 1);
    const [first, second, , , refused] = scrapers as [Scraper, Scraper, Scraper, Scraper, Scraper];
    expect(refused.isDone).toBe(true);
    expect(service.refused).toBe(1);
    service.more(first, 1, true);
    service.forget(second);
    const late = [new Scraper(), new Scraper(), new Scraper()];
    for (const scraper of late) service.begin(scraper, 1);
    await turns();
    expect(late.map((scraper) => scraper.isDone)).toEqual([false, false, true]);
    nowMs = SCRAPE_STALL_MS + 1;
    const afterStall = new Scraper();
    service.begin(afterStall, 1);
    await turns();
    expect(afterStall.frames).toHaveLength(METRICS_CHUNKS_AHEAD);
  });
});

describe("Pulse", () => {
  test("beats often while something moves or somebody asked, and rarely otherwise", () => {
    jest.useFakeTimers();
    let nowMs = 0;
    let beats = 0;
    let moves = true;
    const advance = (ms: number): number => {
      const before = beats;
      nowMs += ms;
      jest.advanceTimersByTime(ms);
      return beats - before;
    };
    const pulse = new Pulse(
      () => {
        beats++;
        return moves;
      },
      () => nowMs,
    );
    try {
      for (let n = 0; n < 5; n++) expect(advance(PULSE_MS)).toBe(1);
      moves = false;
      expect(advance(PULSE_MS)).toBe(1);
      expect(advance(PULSE_IDLE_MS - 1)).toBe(0);
      expect(advance(1)).toBe(1);
      const before = beats;
      pulse.look();
      expect(beats).toBe(before + 1);
      for (let n = 0; n < 5; n++) expect(advance(PULSE_MS)).toBe(1);
      for (let n = 0; n < WATCHED_MS / PULSE_MS; n++) advance(PULSE_MS);
      expect(advance(PULSE_MS) + advance(PULSE_MS) + advance(PULSE_MS)).toBeLessThanOrEqual(1);
    } finally {
      pulse.stop();
      jest.useRealTimers();
    }
  });
});
