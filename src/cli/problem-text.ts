/** Why a tunnel is not there, by the stable words that nodes use. */
const PROBLEMS: ReadonlyMap<string, string> = new Map([
  ["connect_econnrefused", "nothing listens there: is the node up, and its tunnel on this port?"],
  ["connect_ehostunreach", "no such machine on the way there"],
  ["connect_enetunreach", "this machine has no way there"],
  ["connect_etimedout", "no answer: is the machine up, the address right, a firewall between?"],
  ["handshake_timeout", "no answer in time: is the machine up, the address right, a firewall between?"],
  ["closed_before_settings", "it hung up: it may have banned this node, or not know its root"],
  ["closed_by_peer", "it closed the connection"],
  ["connection_lost", "the connection broke off"],
  ["dead_peer", "it gave no sign of life"],
  ["drained", "it went out of service"],
  ["address_gone", "this machine lost the address it called from"],
  ["not_authorized", "the runtime does not accept its certificate"],
  ["chain_empty", "it showed no certificate"],
  ["chain_name", "its certificate is under another root: one of the two has not joined"],
  ["chain_key_id", "its certificate is under another root: one of the two has not joined"],
  ["chain_signature", "its certificate is under another root: one of the two has not joined"],
  ["trust_domain_unknown", "it is of another site"],
  ["node_expected", "another node answers at this address"],
  ["node_unknown", "it is a node that the documents do not name"],
  ["key_banned", "its key is banned"],
  ["expired", "its certificate has ended"],
  ["not_yet_valid", "its certificate begins later: are the clocks right?"],
  ["tunnel_limit", "it has more tunnels than are accepted"],
]);

/** A stable word as something to read, the word itself behind it for docs/troubleshooting.md; unknown ones stay as they are. */
export function problemText(word: string): string {
  const text = PROBLEMS.get(word);
  return text === undefined ? word : `${text} (${word})`;
}

/** Words that have a text, for the test that the documents have them too. */
export const PROBLEM_WORDS: readonly string[] = [...PROBLEMS.keys()];
