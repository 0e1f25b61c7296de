/**
 * The gRPC service behind everything that is measured: answers every call with the message that came. Argument: its port.
 * Made of the HTTP/2 codec and a socket, since no package of the system brings a server with trailers that is cheaper.
 */
import { startGrpcOrigin } from "./grpc-origin.ts";

startGrpcOrigin(Number(process.argv[2]));
console.log("started");
