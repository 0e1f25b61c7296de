/** How a column stands: words to the left, numbers to the right. */
export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
}

/** Rows as lines that line up; the last column is not padded. Cells are plain text: colour is put on later, by `paint`. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  paint: (cell: string, row: number, column: number) => string = (cell) => cell,
): string[] {
  const cells = [columns.map((column) => column.title), ...rows].map((row) => row.map(printable));
  const widths = columns.map((_, at) => Math.max(...cells.map((row) => Bun.stringWidth(row[at] ?? ""))));
  return cells.map((row, index) =>
    columns
      .map((column, at) => {
        const cell = row[at] ?? "";
        const gap = " ".repeat((widths[at] as number) - Bun.stringWidth(cell));
        const painted = index === 0 ? cell : paint(cell, index - 1, at);
        if (column.align === "right") return gap + painted;
        return at === columns.length - 1 ? painted : painted + gap;
      })
      .join("  ")
      .trimEnd(),
  );
}

/** Text from outside must not move the cursor, end the line, or turn the direction of what follows. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}
