/**
 * A TCP service in a process of its own. Argument: `{port}`. Prints its port; sends back what comes, and after the end of that a line
 * with the number of bytes; ends with its input.
 */

import { createServer } from "node:net";

const { port = 0 } = JSON.parse(process.argv[2] ?? "{}") as { port?: number };
const server = createServer({ allowHalfOpen: true }, (socket) => {
  let bytes = 0;
  socket.on("data", (part) => {
    bytes += part.length;
    if (!socket.write(part)) socket.pause();
  });
  socket.on("drain", () => socket.resume());
  socket.on("end", () => socket.end(`\n${bytes} bytes\n`));
  socket.on("error", () => socket.destroy());
});
server.listen(port, "127.0.0.1", () => {
  const address = server.address();
  console.log(typeof address === "object" ? address?.port : 0);
});
for await (const _ of console);
process.exit(0);
