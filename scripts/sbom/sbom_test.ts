import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { readParts, sbomText } from "./parts.ts";
import { sbom } from "./sbom.ts";

Deno.test("the bill of materials lists what the program needs once, each with its hash, and Deno", () => {
  const parts = readParts();
  const { components, dependencies, specVersion } = sbom(parts);
  assert.equal(specVersion, "1.6");
  const npm = components.filter(({ purl }) => purl.startsWith("pkg:npm/"));
  assert.equal(new Set(npm.map(({ purl }) => purl)).size, npm.length);
  assert.ok(npm.length > parts.imports.length && npm.length < Object.keys(parts.lock.npm).length, `${npm.length}`);
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
  for (const name of ["oidc-provider", "koa", "playwright-core", "yaml"]) {
    assert.ok(Object.keys(parts.lock.npm).some((key) => key.startsWith(`${name}@`)), `${name} is in the lock`);
    assert.ok(!components.some((component) => component.name === name), `only tests import ${name}`);
  }
  const pg = dependencies.find(({ ref }) => ref.startsWith("pkg:npm/pg@"))!;
  assert.ok(pg.dependsOn.some((ref) => ref.startsWith("pkg:npm/pg-pool@")), pg.dependsOn.join());
});

Deno.test("deno.json names exactly the packages that the program and its installation import", () => {
  const { imports } = JSON.parse(readFileSync(new URL("../../deno.json", import.meta.url), "utf8"));
  const used = new Set<string>();
  const folders = ["src", "scripts/install"].map((name) => fileURLToPath(new URL(`../../${name}`, import.meta.url)));
  for (const path of folders.flatMap(filesOf)) {
    for (const [, name] of readFileSync(path, "utf8").matchAll(/(?:from|import\()\s*"((?:@[^/"]+\/)?[^./"@][^/"]*)/g)) {
      used.add(name);
    }
  }
  const unused = Object.keys(imports).filter((name) => !used.has(name));
  assert.deepEqual(unused, [], "import them in tests as npm:name@version");
});

/** A folder's files that run: no tests, nor what they import. */
function filesOf(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) return entry.name === "testing" ? [] : filesOf(path);
    return path.endsWith(".ts") && !path.endsWith("_test.ts") ? [path] : [];
  });
}

Deno.test("sbomText() is the same for the same files; a package without a hash is refused", () => {
  assert.equal(sbomText(), sbomText());
  const specifiers = { "npm:left-pad@1": "1.0.0" };
  assert.throws(
    () => sbom({ ...readParts(), imports: ["npm:left-pad@1"], lock: { specifiers, npm: { "left-pad@1.0.0": {} } } }),
    { name: "RangeError", message: "Cannot write the bill of materials: left-pad@1.0.0 has no sha512 in deno.lock" },
  );
  assert.throws(
    () => sbom({ ...readParts(), imports: ["npm:left-pad@2"] }),
    { name: "RangeError", message: "Cannot write the bill of materials: npm:left-pad@2 is not in deno.lock" },
  );
});
