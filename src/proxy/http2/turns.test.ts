import { expect, test } from "bun:test";
import { FlushQueue } from "./flush-queue.ts";
import { BEGUN_AT_ONCE_MAX, WORK_PER_TURN_MAX } from "./limits.ts";
import { type Beginner, type GivenUp, Turns } from "./turns.ts";

/** What was done, in order, and turns in the test's hands. */
class Loop {
  readonly done: string[] = [];
  readonly #later: (() => void)[] = [];
  readonly flushQueue = new FlushQueue((run) => this.#later.push(run));
  readonly turns = new Turns(this.flushQueue, (run) => this.#later.push(run));

  /** The next turn; answers what was done in it. */
  turn(): string[] {
    this.done.length = 0;
    for (const run of this.#later.splice(0)) run();
    return [...this.done];
  }

  get isQuiet(): boolean {
    return this.#later.length === 0;
  }

  /** Ends the turn as anything that is written does. */
  flush(): void {
    this.flushQueue.add({ flush: () => undefined });
    this.turn();
  }

  place(name: string, count: number): Beginner & { left: number } {
    const { done } = this;
    return {
      left: count,
      isWaiting: false,
      get hasRead() {
        return this.left > 0;
      },
      begin(most) {
        const begun = Math.min(most, this.left);
        this.left -= begun;
        done.push(`${name} ${begun}`);
        return begun;
      },
    };
  }

  given(name: string): GivenUp {
    return { endGivenUp: () => void this.done.push(name) };
  }
}

test("a connection begins what fits into a turn, and the rest in turns of its own", () => {
  const loop = new Loop();
  loop.turns.begin(loop.place("a", 2 * WORK_PER_TURN_MAX + 1));
  expect(loop.done).toEqual([`a ${WORK_PER_TURN_MAX}`]);
  expect(loop.turn()).toEqual([`a ${WORK_PER_TURN_MAX}`]);
  expect(loop.turn()).toEqual(["a 1"]);
  expect(loop.isQuiet).toBe(true);
});

test("all connections together begin no more in a turn, but for the few that each may begin at once", () => {
  const loop = new Loop();
  const places = ["a", "b", "c"].map((name) => loop.place(name, WORK_PER_TURN_MAX));
  for (const place of places) loop.turns.begin(place);
  expect(loop.done).toEqual([`a ${WORK_PER_TURN_MAX}`, `b ${BEGUN_AT_ONCE_MAX}`, `c ${BEGUN_AT_ONCE_MAX}`]);
  const rest = WORK_PER_TURN_MAX - BEGUN_AT_ONCE_MAX;
  expect(loop.turn()).toEqual([`b ${rest}`, `c ${BEGUN_AT_ONCE_MAX}`]);
  expect(loop.turn()).toEqual([`c ${rest - BEGUN_AT_ONCE_MAX}`]);
  expect(loop.isQuiet).toBe(true);
});

test("who waits is not begun again because more has come", () => {
  const loop = new Loop();
  const place = loop.place("a", WORK_PER_TURN_MAX + 1);
  loop.turns.begin(place);
  loop.done.length = 0;
  loop.turns.begin(place);
  expect(loop.done).toEqual([]);
  expect(loop.turn()).toEqual(["a 1"]);
});

test("what is given up is ended over turns too, before anything is begun", () => {
  const loop = new Loop();
  for (let i = 0; i < WORK_PER_TURN_MAX + 3; i++) loop.turns.end(loop.given(`end ${i}`));
  expect(loop.done).toHaveLength(WORK_PER_TURN_MAX);
  loop.turns.begin(loop.place("a", WORK_PER_TURN_MAX));
  const then = loop.turn();
  expect(then.slice(0, 3)).toEqual([16, 17, 18].map((i) => `end ${i}`));
  expect(then.slice(3)).toEqual([`a ${WORK_PER_TURN_MAX - 3}`]);
  loop.turn();
  expect(loop.isQuiet).toBe(true);
});

test("all that was given up can be ended at once", () => {
  const loop = new Loop();
  for (let i = 0; i < 100; i++) loop.turns.end(loop.given(`end ${i}`));
  loop.turns.endAll();
  expect(loop.done).toHaveLength(100);
  expect(new Set(loop.done).size).toBe(100);
  expect(loop.turn()).toEqual([]);
});

test("a flush begins another turn", () => {
  const loop = new Loop();
  for (let i = 0; i < 3; i++) {
    loop.turns.begin(loop.place("a", WORK_PER_TURN_MAX));
    loop.flush();
  }
  loop.turns.begin(loop.place("b", WORK_PER_TURN_MAX));
  expect(loop.done).toEqual([`b ${WORK_PER_TURN_MAX}`]);
});
