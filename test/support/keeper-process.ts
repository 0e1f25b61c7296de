/** A keeper with stand-in workers as a process of its own, to be killed. Argument: the options that are plain values. */
import { Keeper } from "../../src/keeper/keeper.ts";
import { fakeOptions } from "./keeper-fixture.ts";

const { statePath, sources } = JSON.parse(process.argv[2] ?? "{}") as { statePath: string; sources: string };
const keeper = await Keeper.start(fakeOptions(statePath, sources, (event) => console.log(JSON.stringify(event))));
process.on("SIGTERM", () => void keeper.stop().then(() => process.exit(0)));
