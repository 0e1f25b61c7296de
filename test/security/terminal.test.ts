/** Nothing that others choose moves the operator's cursor, forges a line, or turns the direction of text. */
import { expect, test } from "bun:test";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { entryText } from "../../src/cli/commands/records.ts";
import { eventText } from "../../src/cli/event-printer.ts";
import { issueText } from "../../src/cli/issue-text.ts";

const HOSTILE = "\u001b]0;owned\u0007\u009b2J\r\nready\u202e\u2028\u0000\u007f";
const MOVES = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

test("what a worker says of endpoints, listeners and itself is only text", () => {
  for (const event of [
    { event: "endpoint", endpoint: HOSTILE, state: "down", reason: HOSTILE },
    { event: "listener_failed", listener: HOSTILE, reason: HOSTILE },
    { event: "worker_broken", pid: 1, reason: HOSTILE },
    { event: "config_rejected", generation: 1, reason: HOSTILE, issues: [] },
    { event: "state_trouble", what: HOSTILE, reason: HOSTILE },
  ] as const) {
    expect(eventText(event)).not.toMatch(MOVES);
  }
});

test("so is a problem of a document, but for the line end before its hint", () => {
  const issue = { file: HOSTILE, line: 1, col: 1, severity: "error", code: "SV0101", message: HOSTILE } as const;
  expect(issueText(issue)).not.toMatch(MOVES);
  expect(issueText({ ...issue, hint: HOSTILE }).replace("\n  hint: ", "")).not.toMatch(MOVES);
});

test("so is a request in the log", () => {
  const entry = { method: HOSTILE, path: HOSTILE, authority: HOSTILE, response_flags: HOSTILE, selvedge_id: HOSTILE };
  expect(entryText(entry)).not.toMatch(MOVES);
});

test("a file with a name that is an attack is named without harm by `check`", async () => {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-terminal-"));
  try {
    writeFileSync(join(folder, "a\u001b[2J\n.yaml"), "nonsense: [");
    const selvedge = join(import.meta.dir, "../../bin/selvedge");
    const child = Bun.spawn([selvedge, "check", "-f", folder], { stdio: ["ignore", "pipe", "pipe"], cwd: "/" });
    const text = (await child.stdout.text()) + (await child.stderr.text());
    expect(text).toContain("SV01");
    expect(text.replaceAll("\n", "")).not.toMatch(MOVES);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
