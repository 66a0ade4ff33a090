import assert from "node:assert/strict";
import { Admission } from "./admission.ts";
import { Problem } from "./problems.ts";

const busy = (enter: () => unknown, message: RegExp) =>
  assert.throws(enter, (e) => e instanceof Problem && e.code === "busy" && e.status === 503 && message.test(e.message));

Deno.test("Admission.enter() bounds the requests under way, in all and of one identity, and gives places back", () => {
  const admission = new Admission({ reads: 3, readsPerIdentity: 2 });
  const a = { id: "a", via: "token" } as const, b = { id: "b", via: "oidc" } as const;
  const places = [admission.enter(a), admission.enter(a)];
  busy(() => admission.enter(a), /^Cannot take the request now: 2 of yours are under way already$/);
  places.push(admission.enter(b));
  busy(() => admission.enter(b), /^Cannot take the request now: 3 others are under way already$/);
  assert.equal(admission.open, 3);
  places[0][Symbol.dispose]();
  places.push(admission.enter(b));
  for (const place of places.slice(1)) place[Symbol.dispose]();
  assert.equal(admission.open, 0);
});

Deno.test("Admission.enter() lets the one identity of a service without logins take every place", () => {
  const admission = new Admission({ reads: 3, readsPerIdentity: 1 }), local = { id: "local", via: "none" } as const;
  for (let i = 0; i < 3; i++) admission.enter(local);
  busy(() => admission.enter(local), /3 others/);
});
