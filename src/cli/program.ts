import { Command, CommanderError, Option } from "commander";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { version } from "./package-facts.ts";

type Load = () => Promise<(...args: never[]) => Promise<ExitCode>>;

/** Carries out every command but `up`; resolves to the exit code. */
export async function runProgram(args: readonly string[]): Promise<ExitCode> {
  let exitCode: ExitCode = EXIT.OK;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.OK : EXIT.USAGE;
    throw error;
  }
}

function buildProgram(done: (code: ExitCode) => void): Command {
  const program = new Command("selvedge");
  program.description("A service mesh for the edge: who may call whom, exact splits, and what happened on every call");
  // Options behind `run … --` are the program's.
  program.enablePositionalOptions();
  program.version(version(), "-V, --version").exitOverride().showHelpAfterError("(selvedge --help lists the commands)");
  const run =
    (load: Load) =>
    async (...given: unknown[]): Promise<void> => {
      const command = await load();
      done(await (command as (...args: unknown[]) => Promise<ExitCode>)(...given));
    };
  addFileCommands(program, run);
  addNodeCommands(program, run);
  addChangeCommands(program, run);
  addIdentityCommands(program, run);
  addFleetCommands(program, run);
  return program;
}

type Run = (load: Load) => (...given: unknown[]) => Promise<void>;

function output(command: Command): Command {
  return command.addOption(new Option("-o, --output <form>", "what stdout is for").choices(["json", "text"]));
}

function onNode(command: Command): Command {
  command.option("--state <dir>", "state directory of the node").option("--admin <path>", "admin socket of the node");
  return output(command);
}

function several(value: string, before: readonly string[] = []): readonly string[] {
  return [...before, value];
}

/** An option that may be given several times. @param otherwise what the help says of leaving it out. */
function repeatable(flags: string, description: string, otherwise: string): Option {
  return new Option(flags, description).argParser(several).default([], otherwise);
}

function addFileCommands(program: Command, run: Run): void {
  output(program.command("up"))
    .description("run this node's mesh in the foreground")
    .addOption(
      repeatable("-f, --file <path>", "file or folder of YAML; may be given several times", "what `apply` brings"),
    )
    .option("--state <dir>", "state directory")
    .option("--node <name>", "name of this node")
    .option("--workers <n>", "proxy workers; default 1")
    .option("--worker-user <uid:gid>", "as root: whom workers become; default 65525:65525")
    .action(() => undefined);
  output(program.command("check"))
    .description("validate documents without starting anything")
    .requiredOption("-f, --file <path>", "file or folder of YAML", several)
    .option("--node <name>", "as which node; default as `up`")
    .action(run(async () => (await import("./commands/check.ts")).check));
  program
    .command("expand")
    .description("print the full documents that the short form stands for")
    .requiredOption("-f, --file <path>", "file or folder of YAML", several)
    .action(run(async () => (await import("./commands/check.ts")).expand));
  program
    .command("schema")
    .description("print the JSON Schema of the documents, for editors")
    .action(run(async () => (await import("./commands/schema.ts")).schema));
  output(program.command("version"))
    .description("print the version")
    .action(run(async () => (await import("./commands/schema.ts")).printVersion));
}

function addNodeCommands(program: Command, run: Run): void {
  onNode(program.command("status"))
    .description("what the node knows of itself, and what is wrong")
    .action(run(async () => (await import("./commands/status.ts")).status));
  onNode(program.command("stat"))
    .description("requests, success and latency per service")
    .option("--since <time>", "how far back: 10s, 5m, 1h", "1m")
    .addOption(new Option("--by <kind>", "what a row is").choices(["service", "workload", "caller"]).default("service"))
    .action(run(async () => (await import("./commands/stat.ts")).stat));
  onNode(program.command("edges"))
    .description("who calls whom, and how that goes")
    .option("--since <time>", "how far back: 10s, 5m, 1h", "1m")
    .action(run(async () => (await import("./commands/stat.ts")).edges));
  filtered(onNode(program.command("tap")).description("show every request as it ends, until Ctrl-C"))
    .option("--max <n>", "end after so many")
    .action(run(async () => (await import("./commands/records.ts")).tap));
  filtered(onNode(program.command("logs")).description("requests that were logged lately"))
    .option("--follow", "and those to come, until Ctrl-C")
    .option("-n, --count <n>", "at most so many", "100")
    .action(run(async () => (await import("./commands/records.ts")).logs));
  onNode(program.command("routes"))
    .description("routes and services as they serve, with their conditions")
    .action(run(async () => (await import("./commands/routes.ts")).routes));
  onNode(program.command("why"))
    .description("explain what the mesh did with one request")
    .argument("<id>", "the x-selvedge-id of the answer")
    .action(run(async () => (await import("./commands/why.ts")).why));
  const authz = program.command("authz").description("who may call whom");
  onNode(authz.command("check"))
    .description("whether a call would be allowed, and why")
    .requiredOption("--from <ns/sa>", "the caller's service account")
    .requiredOption("--to <ns/service>", "the service that is called")
    .option("--method <method>", "default GET")
    .option("--path <path>", "default /")
    .addOption(repeatable("--header <k:v>", "a header; may be given several times", "none"))
    .addOption(repeatable("-f, --file <path>", "judge these documents", "a running node's"))
    .option("--node <name>", "with -f: as which node")
    .action(run(async () => (await import("./commands/authz-check.ts")).authzCheckCommand));
  onNode(program.command("hosts"))
    .description("the /etc/hosts lines for services with a loopback clusterIP")
    .option("--write", "write them into /etc/hosts (root)")
    .action(run(async () => (await import("./commands/hosts.ts")).hosts));
  onNode(program.command("metrics"))
    .description("the metrics as Prometheus reads them")
    .action(run(async () => (await import("./commands/metrics.ts")).metrics));
}

function filtered(command: Command): Command {
  return command
    .option("--from <peer>", "who called: name, namespace/name or namespace/*")
    .option("--to <peer>", "who was called")
    .option("--status <codes>", "503, 5xx, 400-499, several with commas")
    .option("--verdict <verdict>", "allowed, denied, audit, undecided")
    .option("--path <prefix>", "path prefix, * for anything")
    .option("--method <method>", "exact");
}

function addChangeCommands(program: Command, run: Run): void {
  onNode(program.command("apply"))
    .description("validate documents and serve them; returns when every worker does")
    .requiredOption("-f, --file <path>", "file or folder of YAML", several)
    .option("--wait", "wait until every worker serves them (always done)")
    .action(run(async () => (await import("./commands/apply.ts")).apply));
  const endpoint = program.command("endpoint").description("take an endpoint out of rotation, or put it back");
  const does = {
    drain: "send it nothing new, on this node; what is under way ends",
    undrain: "put it back",
  };
  for (const verb of ["drain", "undrain"] as const) {
    onNode(endpoint.command(verb))
      .description(does[verb])
      .argument("<namespace/workload>", "with a second argument only this address of it")
      .argument("[address]", "host:port or unix:/path")
      .action(run(async () => (await import("./commands/endpoint.ts")).endpoint(verb)));
  }
  onNode(program.command("run"))
    .description("run a program that is recognised as a workload, with http_proxy set")
    .requiredOption("--workload <namespace/name>", "the workload it is")
    .argument("<command...>", "the program and its arguments, behind --")
    .passThroughOptions()
    .action(run(async () => (await import("./commands/run.ts")).runWorkload));
}

function addIdentityCommands(program: Command, run: Run): void {
  const identity = program.command("identity").description("this node's certificates, and the site's root");
  onNode(identity.command("list"))
    .description("certificates, when they are renewed, and what stops when")
    .action(run(async () => (await import("./commands/identity.ts")).identityList));
  onNode(identity.command("show"))
    .description("one certificate with its chain as PEM")
    .argument("<name>", "root, issuer, node, or namespace/name of a workload")
    .action(run(async () => (await import("./commands/identity.ts")).identityShow));
  onNode(identity.command("rotate"))
    .description("make certificates anew before they are due")
    .option("--svids", "those of this node and its workloads (default)")
    .option("--issuer", "this node's issuer, and with it the SVIDs")
    .option("--root", "the site's root, on the node that holds it, in steps that break no call")
    .option("--compromised", "with --root: others may have the old root's key, so nodes get two minutes to follow")
    .option("--wait", "with --root: until the change is over")
    .action(run(async () => (await import("./commands/identity.ts")).identityRotate));
  withPassphrase(onNode(identity.command("backup")))
    .description("write the site's root, encrypted, into a new file")
    .argument("<file>")
    .action(run(async () => (await import("./commands/identity-root.ts")).identityBackup));
  for (const how of ["restore", "promote"] as const) {
    withPassphrase(onNode(identity.command(how)))
      .description(
        how === "restore"
          ? "take the site's root from a backup, in place of a machine that is gone"
          : "give the site's root from a backup to this node, which another node let in",
      )
      .argument("<file>")
      .action(run(async () => (await import("./commands/identity-root.ts")).identityTakeRoot(how)));
  }
}

function withPassphrase(command: Command): Command {
  return command.option("--passphrase-file <file>", "first line of a file, - for stdin; default: asked for");
}

function addFleetCommands(program: Command, run: Run): void {
  const node = program.command("node").description("the machines of the site: let one in, list them, shut one out");
  onNode(node.command("invite"))
    .description("print a token that lets one machine join (on the node that holds the site's root)")
    .argument("<name>", "the machine's Node document")
    .option("--valid <time>", "how long: 15m, 24h, 14d; above 24h only with --bind", "15m")
    .option("--bind <hardware>", "serial:NUMBER or ek:SHA256 that the machine has to show (it is not proven)")
    .option("--address <host:port>", "where it calls; default: this node's Node document")
    .option("--replace", "for another machine under a name that has joined; the old one's keys are banned then")
    .action(run(async () => (await import("./commands/node-invite.ts")).nodeInvite));
  output(node.command("join"))
    .description("join a site by a token, on the new machine, before `up`")
    .argument("<token>", "what `node invite` printed, or - for stdin")
    .option("--state <dir>", "state directory of the new node")
    .action(run(async () => (await import("./commands/node-join.ts")).nodeJoin));
  onNode(node.command("ls"))
    .description("every machine of the site, and how it stands with this one")
    .action(run(async () => (await import("./commands/node-ls.ts")).nodeLs));
  onNode(node.command("ban"))
    .description("believe nothing any more that a machine's keys sign, here and on every node that hears of it")
    .argument("<name>", "the machine")
    .requiredOption("--reason <text>", "for whoever reads it later")
    .action(run(async () => (await import("./commands/node-ban.ts")).nodeBan("ban")));
  onNode(node.command("unban"))
    .description("lift the ban")
    .argument("<name>", "the machine")
    .action(run(async () => (await import("./commands/node-ban.ts")).nodeBan("unban")));
}
