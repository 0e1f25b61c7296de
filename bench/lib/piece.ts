/** What a piece of the benchmark is given and what it answers. */
import type { Figure } from "./gates.ts";
import type { Scratch } from "./scratch.ts";
import type { Subject } from "./subjects.ts";

export interface PieceContext {
  readonly scratch: Scratch;
  /** Running already. */
  readonly origin: Subject;
  /** Length of one measurement, and how many of each. */
  readonly seconds: number;
  readonly rounds: number;
  /** How many cases of a piece that has several; the first is what its gate is about. */
  readonly cases: number;
  /** Names of subjects to leave out. */
  readonly without: ReadonlySet<string>;
  /** Says what is going on; goes to stderr. */
  note(text: string): void;
}

export interface PieceReport {
  /** A table: first row is the heading. */
  readonly rows: readonly (readonly string[])[];
  readonly figures: readonly Figure[];
  /** Everything measured, for bench/out. */
  readonly raw: unknown;
}

export type Piece = (context: PieceContext) => Promise<PieceReport>;
