/**
 * A TLS server in a process of its own, so that its environment can be chosen. Options as JSON in the first argument; a second one
 * gives it a handshake callback, as the product has one. Prints its port; answers `served` to whatever arrives; on each line of input prints how often it did.
 */

import { listenTls, type TlsOptions } from "./tls.ts";

let served = 0;
let unauthorized = 0;
const options = JSON.parse(process.argv[2]!) as TlsOptions;
const handshake = process.argv[3] === undefined ? {} : { handshake() {} };
const listener = listenTls(options, {
  ...handshake,
  data(socket) {
    served++;
    if (!socket.authorized) unauthorized++;
    socket.write("served");
  },
});
console.log(listener.port);
for await (const _ of console) console.log(JSON.stringify({ served, unauthorized }));
process.exit(0);
