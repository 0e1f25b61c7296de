/** h2spec, the conformance suite of others for HTTP/2, let at a server of ours. `scripts/install-h2spec.sh` builds it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../tools/find-program.ts";

/** Where h2spec is: `H2SPEC`, in PATH, where Go puts programs; `undefined` where it was not built. */
export const H2SPEC: string | undefined = [
  process.env["H2SPEC"],
  findProgram("h2spec"),
  join(homedir(), "go/bin/h2spec"),
].find((path) => path !== undefined && existsSync(path));

/** What a test that wants it needs (see `testWith`). */
export const H2SPEC_NEEDED = { "h2spec (scripts/install-h2spec.sh)": H2SPEC !== undefined } as const;

/** Cases of the release that is built, the strict ones included. */
export const H2SPEC_CASES = 146;

export interface H2specReport {
  readonly cases: number;
  /** `section: case`, in the order they ran. */
  readonly failed: readonly string[];
  readonly skipped: readonly string[];
}

/** A server to test. `path` has to be answered with content, of GET and POST. */
export interface H2specTarget {
  readonly host?: string;
  readonly port: number;
  readonly path?: string;
  /** How long it waits for what it expects. Default: 3. */
  readonly timeoutS?: number;
}

/**
 * Runs every case, the strict ones included, or those of some sections (`http2/6.5`).
 * @throws where h2spec gives no report.
 */
export async function runH2spec(target: H2specTarget, sections: readonly string[] = []): Promise<H2specReport> {
  const folder = mkdtempSync(join(tmpdir(), "selvedge-h2spec-"));
  const report = join(folder, "report.xml");
  try {
    const child = Bun.spawn(
      [
        H2SPEC ?? "h2spec",
        ...[
          "--strict",
          "--timeout",
          String(target.timeoutS ?? 3),
          "--junit-report",
          report,
          "--path",
          target.path ?? "/",
        ],
        ...["--host", target.host ?? "127.0.0.1", "--port", String(target.port), ...sections],
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const [out, err] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
    if (!existsSync(report)) throw new Error(`h2spec gave no report: ${out}${err}`);
    return parseReport(readFileSync(report, "utf8"));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Reads a report in JUnit's format. */
export function parseReport(xml: string): H2specReport {
  const cases = [...xml.matchAll(/<testcase package="([^"]*)" classname="([^"]*)"[^>]*>([\s\S]*?)<\/testcase>/g)];
  const named = (mark: RegExp) =>
    cases.filter(([, , , content]) => mark.test(content ?? "")).map(([, section, name]) => `${section}: ${name}`);
  return { cases: cases.length, failed: named(/<(?:error|failure)/), skipped: named(/<skipped/) };
}
