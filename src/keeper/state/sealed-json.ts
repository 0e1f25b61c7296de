import { readBounded, writeDurable } from "./durable-file.ts";

/** Longest sealed file. Reason: these hold names and numbers; what is large has a file format of its own. */
export const SEALED_BYTES_MAX = 8 * 1024 * 1024;

/** A value as JSON with its SHA-256, so that a torn or rotten file is told from a good one. */
export function seal(value: unknown): string {
  const body = JSON.stringify(value);
  return `${body}\n${sha256(body)}\n`;
}

/** The value, or `undefined` where the text is not exactly what `seal` made. */
export function unseal(text: string): unknown {
  const end = text.indexOf("\n");
  if (end < 0) return undefined;
  const body = text.slice(0, end);
  if (text.slice(end + 1) !== `${sha256(body)}\n`) return undefined;
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Writes durably; throws what the file system says. */
export function writeSealed(path: string, value: unknown): void {
  writeDurable(path, seal(value));
}

export type Sealed =
  | { readonly state: "good"; readonly value: unknown }
  | { readonly state: "absent" }
  /** There is a file, but it cannot be read or is not what was written. */
  | { readonly state: "rotten"; readonly reason: string };

/** Never throws: what cannot be read is rotten. */
export function readSealed(path: string): Sealed {
  try {
    const bytes = readBounded(path, SEALED_BYTES_MAX);
    if (bytes === undefined) return { state: "absent" };
    const value = unseal(new TextDecoder().decode(bytes));
    return value === undefined ? { state: "rotten", reason: "checksum does not match" } : { state: "good", value };
  } catch (error) {
    return { state: "rotten", reason: error instanceof Error ? error.message : String(error) };
  }
}

function sha256(text: string): string {
  return new Bun.CryptoHasher("sha256").update(text).digest("hex");
}
