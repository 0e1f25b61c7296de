import { CliError, type ExitCode } from "./exit-code.ts";
import { leave } from "./leave.ts";

/** Carries out a command line; resolves to the exit code. Nothing is loaded that the command does not need. */
async function main(args: readonly string[]): Promise<ExitCode> {
  try {
    if (args[0] === "up" && !args.includes("--help") && !args.includes("-h")) {
      const { up } = await import("./up.ts");
      return await up(args.slice(1));
    }
    const { runProgram } = await import("./program.ts");
    return await runProgram(args);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    process.stderr.write(`selvedge: ${error.message}\n`);
    if (error.hint !== undefined) process.stderr.write(`  ${error.hint}\n`);
    return error.exitCode;
  }
}

await leave(await main(process.argv.slice(2)));
