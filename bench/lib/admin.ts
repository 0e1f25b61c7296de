/** One operation on the admin socket of a node, without the start of a CLI in the figure. */

/** Sends a request and waits for its result. Throws with the node's reason where it refuses. */
export function askAdmin(path: string, request: Readonly<Record<string, unknown>>): Promise<unknown> {
  const decoder = new TextDecoder();
  let text = "";
  return new Promise((resolve, reject) => {
    Bun.connect({
      unix: path,
      socket: {
        open(socket) {
          socket.write(`${JSON.stringify(request)}\n`);
        },
        data(_socket, chunk) {
          text += decoder.decode(chunk, { stream: true });
        },
        close() {
          const last = text.trimEnd().split("\n").at(-1) ?? "";
          const answer = (last === "" ? {} : JSON.parse(last)) as { result?: unknown; error?: { message: string } };
          if (answer.error !== undefined) reject(new Error(answer.error.message));
          else resolve(answer.result);
        },
      },
    }).catch(reject);
  });
}
