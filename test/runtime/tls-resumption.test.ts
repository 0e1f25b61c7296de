import { afterEach, expect, test } from "bun:test";
import { constants } from "node:crypto";
import { clientOptions, listenTls, makePki, serverOptions, type TlsOptions } from "../support/tls.ts";
import { visit } from "../support/tls-visit.ts";

const pki = makePki();
const stops: (() => void)[] = [];
afterEach(() => {
  for (const stop of stops.splice(0)) stop();
});

/** A server that says whether it resumed, and on what certificate it thinks it speaks. */
function serve(more: TlsOptions): number {
  const listener = listenTls(serverOptions(pki, more), {
    data: (socket) => void socket.write(socket.isSessionReused() ? "resumed" : "full"),
  });
  stops.push(() => listener.stop(true));
  return listener.port;
}

test("with SSL_OP_NO_TICKET no connection is resumed, whatever the client brings", async () => {
  const port = serve({ secureOptions: constants.SSL_OP_NO_TICKET });
  const first = await visit(port, clientOptions(pki));
  expect(first.heard).toBe("full");
  const { tickets } = await visit(serve({}), clientOptions(pki));
  for (const ticket of [...first.tickets, ...tickets]) {
    const second = await visit(port, clientOptions(pki), ticket);
    expect([second.reused, second.heard]).toEqual([false, "full"]);
    const bare = await visit(port, { ...clientOptions(pki), cert: undefined, key: undefined }, ticket);
    expect(bare.heard).toBe("");
  }
});

test("without it a ticket resumes, and does so without a certificate: this is why it is set", async () => {
  const port = serve({});
  const { tickets } = await visit(port, clientOptions(pki));
  expect(tickets.length).toBeGreaterThan(0);
  const second = await visit(port, { ...clientOptions(pki), cert: undefined, key: undefined }, tickets[0]);
  // isSessionReused() on the server is what lets the product close such a connection all the same.
  expect([second.reused, second.heard]).toEqual([true, "resumed"]);
});
