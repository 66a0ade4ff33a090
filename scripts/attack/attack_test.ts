import assert from "node:assert/strict";
import { TOKENS } from "../../src/server/testing/logins.ts";
import { withService } from "../fuzz/service.ts";
import { attack } from "./attack.ts";

Deno.test("a service with logins withstands an attack from outside", () =>
  withService(async ({ url }) => assert.deepEqual(await attack(url), []), { login: TOKENS }));

Deno.test("attack() finds a service that answers without a login", () =>
  withService(async ({ url }) => {
    const found = await attack(url);
    assert.ok(found.includes("GET /v1/models replies 200 without a login"), found.join("\n"));
  }));
