/**
 * Real HTTP servers to ask what they make of bytes. Each one answers a request it understood with a header
 * `x-seen: METHOD TARGET BODYBYTES`; whatever it refuses has none. All listen on unix sockets in a folder of their own.
 */
import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findProgram } from "../../../tools/find-program.ts";

export interface Origin {
  readonly name: OriginName;
  /** Path of its unix socket. */
  readonly unix: string;
}

/** The origins there can be. Bun is always there: it runs the test. */
export const ORIGIN_NAMES = ["bun", "node", "haproxy", "nginx"] as const;
export type OriginName = (typeof ORIGIN_NAMES)[number];

/** The origins that are installed, running. `stop` ends every process and removes the folder. */
export interface Garden {
  readonly origins: readonly Origin[];
  stop(): Promise<void>;
}

const READY_TIMEOUT_MS = 10_000;
const READY_POLL_MS = 20;

type Child = ReturnType<typeof Bun.spawn>;

/** True where the origin can be started. nginx needs Node behind it. */
export function isInstalled(name: OriginName): boolean {
  return name === "bun" || (findProgram(name) !== undefined && (name !== "nginx" || findProgram("node") !== undefined));
}

async function canConnect(unix: string): Promise<boolean> {
  try {
    const socket = await Bun.connect({ unix, socket: { data() {} } });
    socket.end();
    return true;
  } catch {
    return false;
  }
}

/** Neither nginx nor HAProxy says when it listens, so that it has to be tried. */
async function untilListening(unix: string, child: Child): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT_MS;
  while (!(await canConnect(unix))) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`no origin came up on ${unix}`);
    await Bun.sleep(READY_POLL_MS);
  }
}

function nginxConfig(folder: string, unix: string, behind: string): string {
  const user = process.getuid?.() === 0 ? "user root;" : "";
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
    .map((kind) => `${kind}_temp_path ${join(folder, "nginx-tmp")};`)
    .join(" ");
  // The request is passed on once it is there whole, with a length that nginx counted: what `behind` sees is nginx's view.
  return `${user} daemon off; master_process off; pid ${join(folder, "nginx.pid")}; error_log stderr crit;
events { worker_connections 256; }
http { access_log off; ${temporary} client_body_buffer_size 512k; large_client_header_buffers 4 64k;
  server { listen unix:${unix}; location / { proxy_pass http://unix:${behind}; proxy_http_version 1.1; } } }
`;
}

function haproxyConfig(unix: string): string {
  return `global
  maxconn 200
  tune.bufsize 131072
defaults
  mode http
  timeout client 10s
  timeout connect 1s
  timeout server 10s
  option http-buffer-request
frontend origin
  bind unix@${unix}
  http-request return status 200 hdr x-seen "%[method] %[url] %[req.body_len]"
`;
}

function serveBun(unix: string): { stop(force: boolean): Promise<void> } {
  return Bun.serve({
    unix,
    fetch: async (request) => {
      const body = await request.arrayBuffer();
      const { pathname, search } = new URL(request.url);
      return new Response("ok", { headers: { "x-seen": `${request.method} ${pathname}${search} ${body.byteLength}` } });
    },
  });
}

async function nodeProgram(): Promise<string> {
  const source = await Bun.file(new URL("node-origin.ts", import.meta.url)).text();
  return new Bun.Transpiler({ loader: "ts" }).transformSync(source);
}

/** Starts nginx, HAProxy, Node and Bun, as far as they are installed. */
export async function startGarden(): Promise<Garden> {
  const folder = await mkdtemp(join(tmpdir(), "selvedge-garden-"));
  await chmod(folder, 0o755);
  await mkdir(join(folder, "nginx-tmp"));
  const children: Child[] = [];
  const origins: Origin[] = [];
  const start = async (name: OriginName, args: (unix: string) => Promise<string[]>): Promise<void> => {
    const program = findProgram(name);
    if (program === undefined || !isInstalled(name)) return;
    const unix = join(folder, `${name}.sock`);
    const child = Bun.spawn([program, ...(await args(unix))], { stdin: "ignore", stdout: "ignore", stderr: "inherit" });
    children.push(child);
    await untilListening(unix, child);
    origins.push({ name, unix });
  };
  const written = async (file: string, text: string): Promise<string> => {
    await writeFile(join(folder, file), text);
    return join(folder, file);
  };

  const bunSocket = join(folder, "bun.sock");
  const bunServer = serveBun(bunSocket);
  origins.push({ name: "bun", unix: bunSocket });
  const stop = async (): Promise<void> => {
    for (const child of children) child.kill();
    await Promise.all(children.map((child) => child.exited));
    await bunServer.stop(true);
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await start("node", async (unix) => [await written("node-origin.mjs", await nodeProgram()), unix]);
    await start("haproxy", async (unix) => ["-f", await written("haproxy.cfg", haproxyConfig(unix))]);
    // Node stands behind nginx, because it shows a body whatever the method.
    const behind = join(folder, "node.sock");
    await start("nginx", async (unix) => ["-c", await written("nginx.conf", nginxConfig(folder, unix, behind))]);
  } catch (error) {
    await stop();
    throw error;
  }
  return { origins, stop };
}
