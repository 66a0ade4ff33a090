import assert from "node:assert/strict";
import project from "../../deno.json" with { type: "json" };

Deno.test("a start takes exactly the packages of the lock file", async () => {
  assert.equal(project.lock.frozen, true);
  const locked = JSON.parse(await Deno.readTextFile(project.lock.path));
  for (const [name, source] of Object.entries(project.imports)) {
    assert.match(source, /^(npm|jsr):(@[\w-]+\/)?[\w.-]+@\d+\.\d+\.\d+[\w.-]*$/, `${name} is pinned`);
    assert.ok(locked.specifiers[source] !== undefined, `${source} is locked`);
  }
  for (const [name, { integrity }] of Object.entries<{ integrity?: string }>(locked.npm)) {
    assert.match(integrity ?? "", /^sha512-/, `${name} has a checksum`);
  }
});
