import assert from "node:assert/strict";
import { addressOf, addressRanges } from "./address.ts";

Deno.test("addressOf() believes forwarded addresses only as far as trusted proxies wrote them", () => {
  const trusted = addressRanges(["10.0.0.0/8", "fd00::/8", "192.0.2.7"]);
  const cases: readonly (readonly [remote: string, forwarded: string | undefined, expected: string])[] = [
    ["203.0.113.5", "1.2.3.4", "203.0.113.5"],
    ["10.0.0.1", "1.2.3.4", "1.2.3.4"],
    ["10.0.0.1", "6.6.6.6, 1.2.3.4, 10.0.0.9", "1.2.3.4"],
    ["192.0.2.7", undefined, "192.0.2.7"],
    ["192.0.2.7", "Doe Jane", "192.0.2.7"],
    ["fd00::1", "2001:db8::1", "2001:db8::1"],
    ["10.0.0.1", "10.0.0.2", "10.0.0.1"],
  ];
  for (const [hostname, forwarded, expected] of cases) {
    const headers = new Headers(forwarded === undefined ? {} : { "x-forwarded-for": forwarded });
    const request = new Request("http://localhost/", { headers });
    assert.equal(addressOf(request, { transport: "tcp", hostname, port: 1 }, trusted), expected);
  }
  assert.equal(addressOf(new Request("http://localhost/"), undefined, trusted), "unknown");
});

Deno.test("addressRanges() refuses what is no range", () => {
  for (const range of ["proxy", "10.0.0.0/33", "10.0.0.0/", "::/129"]) {
    assert.throws(() => addressRanges([range]), {
      name: "RangeError",
      message: /^Cannot trust a proxy: expected an address/,
    });
  }
});
