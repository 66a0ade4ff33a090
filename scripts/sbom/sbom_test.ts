import assert from "node:assert/strict";
import { readParts, sbomText } from "./parts.ts";
import { sbom } from "./sbom.ts";

Deno.test("the bill of materials lists every package of the lock once, each with its hash, and Deno", () => {
  const parts = readParts();
  const { components, dependencies, specVersion } = sbom(parts);
  assert.equal(specVersion, "1.6");
  const npm = components.filter(({ purl }) => purl.startsWith("pkg:npm/"));
  assert.equal(npm.length, Object.keys(parts.lock.npm).length);
  const refs = components.map((component) => component["bom-ref"]);
  for (const component of components) {
    assert.ok(component.hashes.every(({ content }) => /^[0-9a-f]{64}$|^[0-9a-f]{128}$/.test(content)), component.name);
    assert.match(component.purl, /^pkg:[a-z]+\/[^ ]+@[^ ]+$/);
  }
  for (const name of ["onnxruntime-node", "@electric-sql/pglite", "hono", "zod", "deno", "onnxruntime-gpu"]) {
    assert.ok(components.some((component) => component.name === name), name);
  }
  for (const { ref, dependsOn } of dependencies) {
    for (const other of dependsOn) assert.ok(refs.includes(other), `${ref} needs ${other}`);
  }
  const pg = dependencies.find(({ ref }) => ref.startsWith("pkg:npm/pg@"))!;
  assert.ok(pg.dependsOn.some((ref) => ref.startsWith("pkg:npm/pg-pool@")), pg.dependsOn.join());
});

Deno.test("sbomText() is the same for the same files; a package without a hash is refused", () => {
  assert.equal(sbomText(), sbomText());
  assert.throws(
    () => sbom({ ...readParts(), lock: { npm: { "left-pad@1.0.0": {} } } }),
    { name: "RangeError", message: "Cannot write the bill of materials: left-pad@1.0.0 has no sha512 in deno.lock" },
  );
});
