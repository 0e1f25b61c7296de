/**
 * Requests as browsers behind a tracing gateway send them, no two alike: 15 lines, about 800 bytes, with a path, a trace and
 * a request id of their own. For wrk, which takes requests from a script in Lua; the script only looks the next one up.
 */
import { writeFileSync } from "node:fs";
import { HOST } from "./wrk.ts";

/** How many different requests there are. Reason: more than any cache of heads holds, and seconds pass before one comes again. */
const REQUESTS = 5000;

const hex = (digits: number, seed: number) =>
  (BigInt(seed + 1) * 0x9e3779b97f4a7c15n * 0xbf58476d1ce4e5b9n).toString(16).padStart(digits, "1").slice(0, digits);

function request(path: string, number: number, users: number): string {
  // One user has what the field's traces have; many have a token and a session each.
  const user = number % users;
  const token =
    users === 1 ? "eyJhbGciOiJFUzI1NiJ9".repeat(6) : `eyJhbGciOiJFUzI1NiJ9${hex(32, user)}`.padEnd(120, hex(32, user));
  const session = users === 1 ? "6f1c2b7a9d3e4f50" : hex(16, user + 7);
  return [
    `GET ${path}?id=${number} HTTP/1.1`,
    `Host: ${HOST}`,
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/128.0.0.0 Safari/537.36",
    "Accept: application/json, text/plain, */*",
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8",
    "Accept-Encoding: gzip, deflate, br, zstd",
    `Authorization: Bearer ${token}`,
    `Cookie: session=${session}; theme=dark; consent=1`,
    "Cache-Control: no-cache",
    "Sec-Fetch-Dest: empty",
    "Sec-Fetch-Mode: cors",
    "Sec-Fetch-Site: same-origin",
    `traceparent: 00-${hex(32, number)}-${hex(16, number)}-01`,
    `X-Request-Id: ${hex(32, number + REQUESTS)}`,
    "Referer: https://shop.example/orders",
    "",
    "",
  ].join("\\r\\n");
}

/** Writes the script to `file`, which the caller removes. @param users who take turns, each with credentials of its own. */
export function writeDifferingHeads(file: string, path: string, users = 1): void {
  const lines = Array.from({ length: REQUESTS }, (_, number) => `  "${request(path, number, users)}",`);
  writeFileSync(
    file,
    `local requests = {\n${lines.join("\n")}\n}\nlocal at = 0\nfunction request()\n  at = at % #requests + 1\n  return requests[at]\nend\n`,
  );
}
