/** Node's own HTTP server as an origin; started by `origins.ts` in a Node process. The unix socket's path is the first argument. */
import { createServer } from "node:http";

const server = createServer((request, response) => {
  let bodyBytes = 0;
  request.on("data", (data: Uint8Array) => {
    bodyBytes += data.length;
  });
  request.on("end", () => {
    response.setHeader("x-seen", `${request.method} ${request.url} ${bodyBytes}`);
    response.end("ok");
  });
});

server.listen(process.argv[2], () => {
  process.stdout.write("ready\n");
});
