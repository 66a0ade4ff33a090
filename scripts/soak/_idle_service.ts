/** Answers and does nothing else: how long this takes is the machine's part of a probe. Prints its address as JSON. */
const server = Deno.serve({ hostname: "127.0.0.1", port: 0, onListen: () => {} }, () => new Response("{}"));
console.log(JSON.stringify({ url: `http://127.0.0.1:${server.addr.port}` }));
