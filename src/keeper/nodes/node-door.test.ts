import { afterEach, expect, test } from "bun:test";
import { DAY_MS, IdentityBox, letIn, TD } from "../../../test/support/identity-box.ts";
import { readCertificate } from "../../identity/certificate.ts";
import { TO_WORKER } from "../../wire/channel/frames.ts";
import { Invites } from "./invites.ts";
import { IssuerDesk } from "./issuer-desk.ts";
import { NodeDoor } from "./node-door.ts";
import type { NodesHost } from "./nodes-host.ts";
import { PEER_REFUSAL } from "./peer-message.ts";
import { RefusalLog } from "./refusal-log.ts";

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** A root's node that has let in `till-2`, its door, and what its worker was told about it. */
async function rootWithDoor() {
  const [root, box] = [new IdentityBox("till-1"), new IdentityBox("till-2")];
  await root.on();
  await letIn(root, box);
  const opened: boolean[] = [];
  const told: string[] = [];
  const documents = new Set(["till-1", "till-2"]);
  const worker = {
    id: 1,
    send: (frame: { readonly type: number; readonly isOpen?: boolean }) => {
      if (frame.type === TO_WORKER.JOIN_DOOR) opened.push(frame.isOpen === true);
      return true;
    },
  };
  const host = {
    workers: () => [worker],
    countJoin: (isAdmitted: boolean) => void told.push(isAdmitted ? "let in" : "refused"),
    tell: ({ what, detail }: { what: string; detail: string }) => void told.push(`${what} ${detail}`),
  } as unknown as NodesHost;
  const nowMs = () => root.clocks().monotonicMs;
  const door = new NodeDoor(host, {
    site: root.site,
    invites: new Invites({ read: () => undefined, write: () => {} }),
    desk: new IssuerDesk(root.site, nowMs),
    refusals: new RefusalLog(nowMs),
    isNode: (name) => documents.has(name),
    letIn: () => void told.push("others are told"),
  });
  ends.push(
    () => box.remove(),
    () => root.remove(),
    () => root.off(),
    () => door.close(),
  );
  return { root, door, opened, told, documents };
}

test("the door opens when an issuer has ended, and shuts when its node is banned, gone from the documents, or back", async () => {
  const { root, door, opened, documents } = await rootWithDoor();
  door.watch();
  root.realMs += 44 * DAY_MS;
  door.watch();
  expect(opened).toEqual([]);
  root.realMs += 2 * DAY_MS;
  door.watch();
  expect(opened).toEqual([true]);
  await root.site.ban("till-2", "stolen");
  door.watch();
  expect(opened.at(-1)).toBe(false);
  await root.site.unban("till-2");
  door.watch();
  expect(opened.at(-1)).toBe(true);
  documents.delete("till-2");
  door.watch();
  expect(opened.at(-1)).toBe(false);
  documents.add("till-2");
  door.watch();
  const again = new IdentityBox("till-2");
  ends.push(() => again.remove());
  again.realMs = root.realMs;
  await letIn(root, again);
  door.watch();
  expect(opened.at(-1)).toBe(false);
  // The one that came back ends too, and 400 days later nobody waits for it any more.
  root.realMs += 46 * DAY_MS;
  door.watch();
  expect(opened.at(-1)).toBe(true);
  root.realMs += 400 * DAY_MS;
  door.watch();
  expect(opened.at(-1)).toBe(false);
});

test("the door stays open for who was renewed late, whose answer may be lost, until it has shown its issuer", async () => {
  const { root, door, opened } = await rootWithDoor();
  root.realMs += 46 * DAY_MS;
  door.watch();
  const challenge = new Uint8Array(32);
  const asked = await root.issue({ kind: "ask", trustDomain: TD, node: "till-2", challenge });
  if (asked.kind !== "asked") throw new Error(asked.kind);
  const signed = await root.site.signIssuer("till-2", asked.request, challenge, { askedBy: "ab", isLate: true });
  if ("refused" in signed) throw new Error(signed.refused);
  door.watch();
  expect(opened).toEqual([true]);
  root.site.noteSeen(readCertificate(signed.certificate));
  door.watch();
  expect(opened).toEqual([true, false]);
});

test("a new worker hears of an open door, and a door that was closed for good stays shut", async () => {
  const { root, door, opened } = await rootWithDoor();
  const heard: unknown[] = [];
  const worker = { id: 2, send: (frame: unknown) => heard.push(frame) > 0 };
  door.greet(worker);
  expect(heard).toEqual([]);
  root.realMs += 46 * DAY_MS;
  door.watch();
  door.greet(worker);
  expect(heard).toEqual([{ type: TO_WORKER.JOIN_DOOR, isOpen: true }]);
  door.close();
  door.watch();
  expect(opened).toEqual([true, false]);
});

test("refusals at the door are counted each, and the same one is written down once in a while", async () => {
  const { root, door, told } = await rootWithDoor();
  root.realMs += 46 * DAY_MS;
  expect((await door.answer(3, new Uint8Array(32), "10.0.0.9")).status).toBe(PEER_REFUSAL.UNKNOWN_KIND);
  for (let tries = 0; tries < 3; tries++) await door.answer(2, new Uint8Array(40), "10.0.0.9");
  expect(told).toEqual(["refused", "late_refused request_form", "refused", "refused"]);
});
