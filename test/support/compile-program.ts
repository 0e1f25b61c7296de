/** Compiles as a keeper does, in the folder this program is started from. Argument: {program, request}. Prints the outcome. */

import { type CompileRequest, compile } from "../../src/keeper/reload/compile-child.ts";

const argument = JSON.parse(process.argv[2]!) as { readonly program: string; readonly request: CompileRequest };
console.log(JSON.stringify(await compile({ bun: process.execPath, program: argument.program }, argument.request)));
