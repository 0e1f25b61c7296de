import { readFileSync } from "node:fs";
import { PASSPHRASE_LENGTH_MAX, PASSPHRASE_LENGTH_MIN } from "../identity/backup.ts";
import { CliError, EXIT } from "./exit-code.ts";

/**
 * The passphrase of a backup: the first line of a file, of stdin for `-`, or typed where stdin is a terminal; never from the
 * command line, which every user of the machine can read. `isNew`: to be typed twice, and long enough. Throws CliError.
 */
export async function readPassphrase(file: string | undefined, isNew: boolean): Promise<string> {
  const passphrase = file === undefined ? await typed(isNew) : firstLine(file);
  if (passphrase.length > PASSPHRASE_LENGTH_MAX || (isNew && passphrase.length < PASSPHRASE_LENGTH_MIN)) {
    throw new CliError(
      EXIT.USAGE,
      `a passphrase has ${PASSPHRASE_LENGTH_MIN} to ${PASSPHRASE_LENGTH_MAX} characters`,
      "four words drawn by dice are good",
    );
  }
  if (passphrase === "") throw new CliError(EXIT.USAGE, "the passphrase is empty");
  return passphrase;
}

function firstLine(file: string): string {
  try {
    return readFileSync(file === "-" ? 0 : file, "utf8").split(/\r?\n/, 1)[0] ?? "";
  } catch (error) {
    throw new CliError(EXIT.USAGE, `the passphrase cannot be read: ${error instanceof Error ? error.message : error}`);
  }
}

async function typed(isNew: boolean): Promise<string> {
  if (process.stdin.isTTY !== true) {
    throw new CliError(EXIT.USAGE, "no passphrase", "--passphrase-file FILE, or - for stdin");
  }
  const first = await ask("passphrase: ");
  if (isNew && (await ask("once more: ")) !== first) throw new CliError(EXIT.USAGE, "the two are not the same");
  return first;
}

/** One line from the terminal that is not shown. */
async function ask(prompt: string): Promise<string> {
  process.stderr.write(prompt);
  const { stdin } = process;
  stdin.setRawMode(true);
  try {
    let text = "";
    for await (const chunk of stdin) {
      for (const character of String(chunk)) {
        if (character === "\r" || character === "\n") return text;
        if (character === "\u0003" || character === "\u0004") throw new CliError(EXIT.FAILED, "given up");
        text = character === "\u007f" ? text.slice(0, -1) : text + character;
      }
    }
    return text;
  } finally {
    stdin.setRawMode(false);
    process.stderr.write("\n");
  }
}
