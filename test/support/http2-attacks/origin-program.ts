/** A service of few answers, in a process of its own: `/large` is a megabyte, everything else says `small`. Prints its port. */
const large = Buffer.alloc(1 << 20, "x");
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: 0,
  idleTimeout: 255,
  fetch: (request) => new Response(request.url.endsWith("/large") ? large : "small"),
});
console.log(server.port);
