/**
 * Asks on the demo's behalf where the demo itself cannot: on a machine of its own. Each line of input is a `Question`, each line of
 * output its answer as JSON, in order. Ends with its input.
 */

export type Question =
  /** Answered by what is there, as text; empty where nobody answers. */
  | { readonly type: "read"; readonly url: string }
  /** Asked again and again; answered by how long it took until somebody answered, in ms, and be it with a refusal. */
  | { readonly type: "until answered"; readonly url: string; readonly host: string; readonly timeoutMs: number };

async function answer(question: Question): Promise<string | number> {
  if (question.type === "read") {
    const read = fetch(question.url, { signal: AbortSignal.timeout(5_000) }).then((response) => response.text());
    return read.catch(() => "");
  }
  const startMs = performance.now();
  const takenMs = () => performance.now() - startMs;
  const headers = { Host: question.host, Connection: "close" };
  const isAnswered = () =>
    fetch(question.url, { headers, signal: AbortSignal.timeout(1_000) }).then(
      () => true,
      () => false,
    );
  while (!(await isAnswered()) && takenMs() < question.timeoutMs) await Bun.sleep(2);
  return takenMs();
}

for await (const line of console) console.log(JSON.stringify(await answer(JSON.parse(line) as Question)));
process.exit(0);
