import assert from "node:assert/strict";
import { inTemp, run } from "../testing/cli.ts";

Deno.test("token makes a token that it shows once, lists it without its secret, and revokes it", () =>
  inTemp(async (root) => {
    const token = (...words: string[]) => run(["token", ...words, "--data", root]);
    const made = await token("create", "robot", "--role", "user", "--projects", "neuro,spine", "--days", "7");
    assert.equal(made.code, 0, made.err);
    const [text] = made.out;
    assert.match(text, /^sulcus_[0-9a-f]{32}_[\w-]{43}$/);
    const listed = await token("list", "--json");
    const [found] = JSON.parse(listed.out[0]).tokens;
    assert.deepEqual([found.name, found.role, found.projects], ["robot", "user", ["neuro", "spine"]]);
    assert.ok(!listed.out[0].includes(text.slice(40)), "the list shows the secret");
    assert.match((await token("list")).out[0], /^[0-9a-f-]{36} {2}user {7}until .*robot$/);
    assert.deepEqual((await token("revoke", found.id)).out, [`Token ${found.id} is revoked.`]);
    assert.match((await token("list")).out[0], / revoked .*robot$/);
    assert.equal((await token("revoke", crypto.randomUUID())).code, 1);
  }));

Deno.test("token refuses wrong use with exit code 2, before it opens anything", async () => {
  const cases: readonly (readonly [argv: string[], message: RegExp])[] = [
    [[], /expected one of create, list, revoke, got ""/],
    [["create"], /^Cannot run token create: expected NAME, got none\n/],
    [["revoke"], /^Cannot run token revoke: expected ID, got none\n/],
    [["list", "a"], /^Cannot run token list: expected nothing more, got 1 word\n/],
    [["create", "a"], /expected --role, got none/],
    [
      ["create", "a", "--role", "root"],
      /Cannot use --role: expected one of viewer, user, annotator, admin, got "root"/,
    ],
    [["create", "a", "--role", "user", "--projects", "a b"], /Cannot use --projects/],
    [["create", "a", "--role", "user", "--days", "0"], /Cannot use --days/],
  ];
  for (const [argv, message] of cases) {
    const { code, err } = await run(["token", ...argv, "--data", "/nowhere"]);
    assert.equal(code, 2, argv.join(" "));
    assert.match(err, message);
  }
});
