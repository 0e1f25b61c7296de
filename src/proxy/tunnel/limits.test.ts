import { expect, test } from "bun:test";
import {
  HANDSHAKE_BURST,
  HANDSHAKE_TIMEOUT_MS,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_ADDRESS_MAX,
  HANDSHAKES_PER_SECOND,
  HANDSHAKES_RESERVED,
  JOIN_EXCHANGES_MAX,
  JOIN_TIMEOUT_MS,
  JOINERS_MAX,
  JOINERS_PER_ADDRESS_MAX,
  OLD_TUNNELS_MAX,
  PEER_MESSAGES_MAX,
  PEER_MESSAGES_PER_NODE_MAX,
  PROOFS_PER_SECOND,
  PROOFS_PER_TUNNEL_MAX,
  REPORT_BURST,
  REPORTS_PER_SECOND,
  TUNNELS_MAX,
  TUNNELS_PER_NODE_MAX,
} from "./limits.ts";

test("docs/tunnel.md has the bounds that the code has", async () => {
  const page = await Bun.file(new URL("../../../docs/tunnel.md", import.meta.url)).text();
  const rows = [
    `| handshakes under way | ${HANDSHAKES_MAX}; ${HANDSHAKES_PER_ADDRESS_MAX} of one address; ${HANDSHAKES_RESERVED} kept for`,
    `| handshakes of one address | ${HANDSHAKE_BURST} at once, ${HANDSHAKES_PER_SECOND} a second |`,
    `| a handshake | ${HANDSHAKE_TIMEOUT_MS / 1000} s |`,
    `| tunnels accepted | ${TUNNELS_MAX}, ${TUNNELS_PER_NODE_MAX} of one node`,
    `still carry streams | ${OLD_TUNNELS_MAX}; with more`,
    `| proofs on one connection | ${PROOFS_PER_TUNNEL_MAX}, judged at ${PROOFS_PER_SECOND} a second`,
    `| messages between keepers | ${PEER_MESSAGES_MAX} under way, ${PEER_MESSAGES_PER_NODE_MAX} from one node`,
    `| join door | ${JOINERS_MAX} at once, ${JOINERS_PER_ADDRESS_MAX} of one address, ${JOIN_TIMEOUT_MS / 1000} s, ${JOIN_EXCHANGES_MAX} questions |`,
    `| reports to the audit log | ${REPORT_BURST} at once, ${REPORTS_PER_SECOND} a second`,
  ];
  expect(rows.filter((row) => !page.includes(row))).toEqual([]);
});
