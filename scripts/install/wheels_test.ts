import assert from "node:assert/strict";
import { zipSync } from "fflate";
import { OPENVINO_VERSION } from "../../src/engine/runtimes/openvino/library.ts";
import { checked, OPENVINO_WHEEL, unpack, WHEELS } from "./wheels.ts";

Deno.test("every wheel has one version and a hash", () => {
  for (const { project, version, sha256 } of WHEELS) {
    assert.match(version, /^\d+\.\d+\.\d+$/, project);
    assert.match(sha256, /^[0-9a-f]{64}$/, project);
  }
  assert.equal(OPENVINO_WHEEL.version, OPENVINO_VERSION);
});

Deno.test("checked() refuses bytes of another hash", () => {
  const bytes = new TextEncoder().encode("wheel");
  const sha256 = "bbbc816b0df46ea415d2bba2463ac4cd53a4a7fcb39393f8e1bbab15b8aa5f0b";
  assert.throws(() => checked(bytes, sha256), { message: /^Cannot use the wheel: expected SHA-256 bbbc816b.*, got / });
});

Deno.test("unpack() writes the wanted files alone, and none where one is missing", async () => {
  const folder = await Deno.makeTempDir();
  const wheel = zipSync({
    "a/libs/one.so": Uint8Array.of(1),
    "a/libs/two.so": Uint8Array.of(2),
    "b/none.so": Uint8Array.of(3),
  });
  await assert.rejects(unpack(wheel, { names: ["one.so", "three.so"], folder }), {
    message: "Cannot install from the wheel: it holds no three.so",
  });
  assert.deepEqual([...Deno.readDirSync(folder)], []);
  await unpack(wheel, { names: ["one.so", "two.so"], folder });
  assert.deepEqual([...Deno.readDirSync(folder)].map((e) => e.name).sort(), ["one.so", "two.so"]);
  assert.deepEqual(await Deno.readFile(`${folder}/two.so`), Uint8Array.of(2));
  await Deno.remove(folder, { recursive: true });
});
