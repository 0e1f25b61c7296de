import { afterEach, expect, test } from "bun:test";
import { join } from "node:path";
import { certify } from "../support/certificates.ts";
import { type LineProcess, startLines } from "../support/line-process.ts";
import { attempt, clientOptions, makePki, serverOptions, type TlsOptions } from "../support/tls.ts";

const SERVER = join(import.meta.dir, "../support/tls-server.ts");
const HOUR_MS = 3_600_000;
const TRIES = 8;

const pki = makePki();
const { ca } = pki;
const rogueCa = certify({ subject: "root", isCa: true });
const from = (more: Parameters<typeof certify>[0], issuer = ca) => {
  const { certPem, keyPem } = certify(more, issuer);
  return clientOptions(pki, { cert: certPem, key: keyPem });
};

function selfSigned(): TlsOptions {
  const { certPem, keyPem } = certify({ subject: "client" });
  return clientOptions(pki, { cert: certPem, key: keyPem });
}

/** Each must never be served. */
const BAD: Readonly<Record<string, TlsOptions>> = {
  "no certificate": { ...clientOptions(pki), cert: undefined, key: undefined },
  "a certificate of another root with the same name": from({ subject: "client" }, rogueCa),
  "a self-signed certificate": selfSigned(),
  "an expired certificate": from({
    subject: "client",
    notBefore: new Date(Date.now() - 2 * HOUR_MS),
    notAfter: new Date(Date.now() - HOUR_MS),
  }),
  "a certificate that is not valid yet": from({ subject: "client", notBefore: new Date(Date.now() + HOUR_MS / 2) }),
  "a certificate for servers only": from({ subject: "client", usages: ["server"] }),
};

const servers: LineProcess[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await server.end();
});

const VARIANTS = [undefined, "0"].flatMap((environment) =>
  [true, false].map((callback) => ({ environment, callback })),
);
for (const { environment, callback } of VARIANTS) {
  const variant = `NODE_TLS_REJECT_UNAUTHORIZED ${environment ?? "unset"}, ${callback ? "with" : "without"} handshake callback`;
  test(`${variant}: only a client with a good certificate is served`, async () => {
    const env = environment === undefined ? {} : { NODE_TLS_REJECT_UNAUTHORIZED: environment };
    const more = callback ? ["handshake"] : [];
    const server = startLines([process.execPath, SERVER, JSON.stringify(serverOptions(pki)), ...more], env);
    servers.push(server);
    const port = Number(await server.line());
    for (const [name, options] of Object.entries(BAD)) {
      const attempts = await Promise.all(Array.from({ length: TRIES }, () => attempt(port, options)));
      expect(attempts.map(({ heard }) => `${name}: ${heard}`)).toEqual(Array<string>(TRIES).fill(`${name}: `));
    }
    const good = await Promise.all(Array.from({ length: TRIES }, () => attempt(port, clientOptions(pki))));
    expect(good.map(({ heard }) => heard)).toEqual(Array<string>(TRIES).fill("served"));
    server.say("");
    expect(JSON.parse(await server.line())).toEqual({ served: TRIES, unauthorized: 0 });
  });
}

test("a URI that the root's name constraints do not permit is refused, one that they permit is served", async () => {
  const constrained = certify({ subject: "constrained", isCa: true, permittedUriHost: "site.example" });
  const options = serverOptions(pki, { ca: constrained.certPem });
  const server = startLines([process.execPath, SERVER, JSON.stringify(options)]);
  servers.push(server);
  const port = Number(await server.line());
  const named = (host: string) => from({ subject: "client", uris: [`spiffe://${host}/ns/prod/sa/web`] }, constrained);
  expect((await attempt(port, named("other.example"))).heard).toBe("");
  expect((await attempt(port, named("site.example"))).heard).toBe("served");
});
