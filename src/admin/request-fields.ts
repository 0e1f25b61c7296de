import type { AppliedFile } from "./apply.ts";
import { APPLIED_FILES_MAX } from "./apply.ts";
import { AdminError } from "./protocol.ts";

type Request = Readonly<Record<string, unknown>>;

/** Longest text of a field. */
export const FIELD_CHARS_MAX = 4096;

/** A field that must be a non-empty text. Throws AdminError where it is not. */
export function textOf(request: Request, field: string): string {
  const value = request[field];
  if (typeof value !== "string" || value === "" || value.length > FIELD_CHARS_MAX) {
    throw new AdminError("bad_request", `${field} is missing`);
  }
  return value;
}

/** A field that must be an integer from `min` to `max`; `otherwise` where it is absent. */
export function integerOf(request: Request, field: string, min: number, max: number, otherwise?: number): number {
  const value = request[field] ?? otherwise;
  if (typeof value !== "number" || !Number.isInteger(value) || value < min || value > max) {
    throw new AdminError("bad_request", `${field} is not an integer from ${min} to ${max}`);
  }
  return value;
}

/** Those of the named fields that are texts. */
export function optionalTexts<Name extends string>(
  request: Request,
  names: readonly Name[],
): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const name of names) {
    const value = request[name];
    if (typeof value === "string") found[name] = value;
  }
  return found;
}

/** The paths and files of an `apply`. */
export function filesOf(request: Request): { paths: string[]; files: AppliedFile[] } {
  const { paths, files } = request;
  if (!Array.isArray(paths) || !Array.isArray(files) || files.length > APPLIED_FILES_MAX) {
    throw new AdminError("bad_request", "apply needs paths and files");
  }
  const isText = (value: unknown): value is string => typeof value === "string";
  const isFile = (value: unknown): value is AppliedFile =>
    typeof value === "object" &&
    value !== null &&
    "path" in value &&
    isText(value.path) &&
    "text" in value &&
    isText(value.text);
  if (!paths.every(isText) || !files.every(isFile)) throw new AdminError("bad_request", "apply needs paths and files");
  return { paths, files };
}
