/**
 * A gRPC server in a process of its own. Argument: its name. Prints `{"port":…,"compressingPort":…}`; answers each line of
 * input with what it served so far (`Served`).
 */
import { createInterface } from "node:readline";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { startCompressingServer } from "./compressing-server.ts";
import { METHODS } from "./messages.ts";
import { InteropService } from "./service.ts";

const service = new InteropService(process.argv[2] ?? "server");
const server = new Server({ "grpc.max_receive_message_length": -1 });
server.addService(METHODS, service.implementation());
server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), async (error, port) => {
  if (error !== null) throw error;
  console.log(JSON.stringify({ port, compressingPort: await startCompressingServer() }));
});
createInterface({ input: process.stdin }).on("line", () => console.log(JSON.stringify(service.served)));
