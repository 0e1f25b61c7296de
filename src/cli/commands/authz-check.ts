import { CliError, EXIT, type ExitCode } from "../exit-code.ts";

/** `selvedge authz check`. */
export async function authzCheckCommand(): Promise<ExitCode> {
  throw new CliError(EXIT.USAGE, "not in this version");
}
