import { expect, test } from "bun:test";
import { REPORT_BURST, REPORTS_PER_SECOND } from "./limits.ts";
import { type RefusalReport, RefusalReports } from "./refusal-reports.ts";

const report: RefusalReport = { node: "", address: "10.0.0.9", reason: "expired", detail: "a claim" };

test("the keeper is told of so many refusals as can be read, and how many were left out", () => {
  let nowMs = 0;
  const sent: RefusalReport[] = [];
  const reports = new RefusalReports(
    (one) => void sent.push(one),
    () => nowMs,
  );
  for (let i = 0; i < REPORT_BURST + 100; i++) reports.report(report);
  expect(sent.length).toBe(REPORT_BURST);
  expect(reports.count).toBe(REPORT_BURST + 100);
  nowMs = 1000;
  for (let i = 0; i < 100; i++) reports.report(report);
  expect(sent.length).toBe(REPORT_BURST + REPORTS_PER_SECOND);
  expect(sent[REPORT_BURST]?.detail).toBe("a claim; 100 others not told");
  expect(sent[REPORT_BURST + 1]?.detail).toBe("a claim");
});

test("what a peer claims is cut and steers no terminal", () => {
  const sent: RefusalReport[] = [];
  const reports = new RefusalReports(
    (one) => void sent.push(one),
    () => 0,
  );
  reports.report({ ...report, detail: `\x1b[2J\n${"x".repeat(10_000)}` });
  expect(sent[0]?.detail).toStartWith("?[2J?xxx");
  expect(sent[0]?.detail.length).toBe(256);
});
