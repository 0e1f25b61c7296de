import { expect, test } from "bun:test";
import { parseRequestHead } from "../../wire/http1/parse-request.ts";
import { SharedHeads } from "../http2/shared-heads.ts";
import { controlHead, controlRequestOf, PEER_PATH, PROOF_PATH } from "./control-request.ts";

/** What a head is taken for, as it would be if it had come on a stream. */
function kindOf(text: string | Buffer): string {
  const heads = new SharedHeads();
  const bytes = Buffer.from(text);
  bytes.copy(heads.requestBytes);
  const end = parseRequestHead(heads.requestBytes, 0, bytes.length, heads.request);
  if (end <= 0) throw new Error(`no head: ${end}`);
  const control = controlRequestOf(heads);
  if (control === null) return "carried";
  if (control.kind === "proof") return `proof of ${control.workload}`;
  return control.kind === "peer" ? `message ${control.messageKind}` : "unknown";
}

const post = (path: string, ...lines: readonly string[]) =>
  `POST ${path} HTTP/1.1\r\n${["host: selvedge", ...lines, "content-length: 3"].join("\r\n")}\r\n\r\n`;

test("what the other end sends for itself is told by its kind", () => {
  expect(kindOf(controlHead(PROOF_PATH, 10, "workload/prod/web"))).toBe("proof of workload/prod/web");
  expect(kindOf(controlHead(`${PEER_PATH}7`, 10, ""))).toBe("message 7");
  expect(kindOf(controlHead(`${PEER_PATH}4294967295`, 10, ""))).toBe("message 4294967295");
});

test("a request of an application is never taken for one of them, whatever it asks for", () => {
  expect(kindOf(post(PROOF_PATH))).toBe("carried");
  expect(kindOf(post(PROOF_PATH, "x-selvedge-as: 3"))).toBe("carried");
  expect(kindOf(post(PROOF_PATH, "x-selvedge-control: 1", "x-selvedge-as: 3"))).toBe("carried");
  expect(kindOf(post(`${PEER_PATH}1`, "x-selvedge-control: 1", "x-selvedge-control: 1"))).toBe("carried");
  expect(kindOf(post(PROOF_PATH, "x-selvedge-control: 1").replace("POST", "PUT"))).toBe("carried");
  expect(kindOf(post(PROOF_PATH, "x-selvedge-control: 1").replace("selvedge\r", "selvedge.prod\r"))).toBe("carried");
});

test("a path that is none of theirs is unknown", () => {
  const unknown = ["/", "/selvedge/proof/", "/selvedge/peer/", "/selvedge/peer/01", "/selvedge/peer/-1"];
  const more = ["/selvedge/peer/4294967296", "/selvedge/peer/1e3", "/selvedge/peer/1/2", "/selvedge/proof?x"];
  for (const path of [...unknown, ...more]) {
    expect(kindOf(post(path, "x-selvedge-control: 1"))).toBe("unknown");
  }
});
