import assert from "node:assert/strict";
import { draftOf, makeSource } from "./testing/packages.ts";
import { rawZip } from "../storage/testing/zip.ts";
import { refusal } from "../storage/testing/refusal.ts";
import { exportPackage, importPackage } from "./archive.ts";
import { Readers } from "../process/mod.ts";
import type { Manifest } from "./manifest.ts";
import { readPackage, verifyPackage, writePackage } from "./package.ts";
import { unzipSync } from "fflate";

const ACCEPT = { checkNetwork: () => {}, isTaken: () => Promise.resolve(false), readers: new Readers() };

/** Runs `fn` with a root that holds tumour/1, and removes everything afterwards. */
async function withPackage(
  fn: (made: { root: string; directory: string; source: string; manifest: Manifest }) => Promise<void>,
): Promise<void> {
  const source = await makeSource();
  const root = await Deno.makeTempDir();
  try {
    const manifest = await writePackage(root, draftOf(), { version: 1, source });
    await fn({ root, directory: `${root}/tumour/1`, source, manifest });
    const left = [...Deno.readDirSync(root)].map((e) => e.name).filter((n) => n.startsWith(".tmp-"));
    assert.deepEqual(left, [], "staging folders were left behind");
  } finally {
    await Deno.remove(root, { recursive: true });
    await Deno.remove(source, { recursive: true });
  }
}

async function zipFile(bytes: Uint8Array): Promise<string> {
  const path = await Deno.makeTempFile();
  await Deno.writeFile(path, bytes);
  return path;
}

Deno.test("writePackage() takes the package's files only, and readPackage() reads them back", () =>
  withPackage(async ({ directory, manifest }) => {
    assert.deepEqual(Object.keys(manifest.files), ["network.onnx", "report.json", "templates/t1.nii.gz"]);
    assert.equal(manifest.files["report.json"], "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
    assert.deepEqual(await readPackage(directory), manifest);
    await verifyPackage(directory, manifest);
  }));

Deno.test("writePackage() refuses a version that exists, and of two at once one wins", () =>
  withPackage(async ({ root, source, directory, manifest }) => {
    const exists = refusal("version-exists", /Cannot write model package tumour\/\d: this version exists/);
    await assert.rejects(writePackage(root, draftOf(), { version: 1, source }), exists);
    assert.deepEqual(await readPackage(directory), manifest);
    const results = await Promise.allSettled(
      [1, 2, 3].map(() => writePackage(root, draftOf(), { version: 2, source })),
    );
    assert.equal(results.filter((r) => r.status === "fulfilled").length, 1);
    for (const r of results) if (r.status === "rejected") exists(r.reason);
  }));

Deno.test("writePackage() refuses a folder without a network", async () => {
  const root = await Deno.makeTempDir();
  await assert.rejects(
    writePackage(root, draftOf(), { version: 1, source: root }),
    refusal("invalid-manifest", /network\.onnx is missing/),
  );
  assert.deepEqual([...Deno.readDirSync(root)], []);
  await Deno.remove(root);
});

Deno.test("verifyPackage() names the file that was tampered with", () =>
  withPackage(async ({ directory, manifest }) => {
    for (const file of Object.keys(manifest.files)) {
      const original = await Deno.readFile(`${directory}/${file}`);
      await Deno.writeTextFile(`${directory}/${file}`, "tampered");
      await assert.rejects(
        verifyPackage(directory, manifest),
        refusal("package-tampered", new RegExp(`Cannot use model package tumour/1: ${file} does not have the sha256`)),
      );
      await Deno.writeFile(`${directory}/${file}`, original);
    }
  }));

Deno.test("readPackage() refuses another package's manifest, broken JSON and missing files", () =>
  withPackage(async ({ root, directory }) => {
    await Deno.mkdir(`${root}/other`);
    await Deno.rename(directory, `${root}/other/1`);
    await assert.rejects(
      readPackage(`${root}/other/1`),
      refusal("invalid-package", /other\/1: its manifest belongs to tumour\/1/),
    );
    await Deno.rename(`${root}/other/1`, directory);
    await Deno.remove(`${directory}/report.json`);
    await assert.rejects(readPackage(directory), refusal("invalid-package", /tumour\/1: report\.json is missing/));
    await Deno.writeTextFile(`${directory}/manifest.json`, "{");
    await assert.rejects(readPackage(directory), refusal("invalid-manifest", /expected JSON/));
    await Deno.remove(`${directory}/manifest.json`);
    await assert.rejects(readPackage(directory), refusal("invalid-package", /manifest\.json is missing/));
  }));

Deno.test("exportPackage() and importPackage() carry a package over whole", () =>
  withPackage(async ({ directory, manifest }) => {
    const exported = await exportPackage(directory, manifest);
    assert.equal(exported.fileName, "tumour-1.zip");
    const zip = new Uint8Array(await new Response(exported.stream).arrayBuffer());
    assert.equal(zip.length, exported.bytes);
    const path = await zipFile(zip);
    const root = await Deno.makeTempDir();
    let checked = "";
    const imported = await importPackage(path, root, {
      ...ACCEPT,
      async checkNetwork(folder, { name }) {
        checked = `${name}: ${await Deno.readTextFile(`${folder}/network.onnx`)}`;
      },
    });
    assert.deepEqual(imported, manifest);
    assert.equal(checked, "tumour: network bytes");
    assert.deepEqual(await readPackage(`${root}/tumour/1`), manifest);
    await assert.rejects(importPackage(path, root, ACCEPT), refusal("version-exists", /tumour\/1/));
    await Deno.remove(root, { recursive: true });
    await Deno.remove(path);
  }));

Deno.test("exportPackage() refuses a package that was tampered with", () =>
  withPackage(async ({ directory, manifest }) => {
    await Deno.writeTextFile(`${directory}/network.onnx`, "tampered");
    await assert.rejects(exportPackage(directory, manifest), refusal("package-tampered", /network\.onnx/));
  }));

type Files = Record<string, Uint8Array>;
const text = (value: string) => new TextEncoder().encode(value);
const BAD_PACKAGES: Record<string, { change: (files: Files) => Files; code?: string; message: RegExp }> = {
  "a file that the manifest does not list": {
    change: (files) => ({ ...files, "extra.txt": text("x") }),
    message: /its files are not those of its manifest/,
  },
  "a missing file": {
    change: ({ "report.json": _, ...files }) => files,
    message: /its files are not those of its manifest/,
  },
  "no manifest": { change: ({ "manifest.json": _, ...files }) => files, message: /manifest\.json is missing/ },
  "a changed file": {
    change: (files) => ({ ...files, "network.onnx": text("other bytes!!") }),
    code: "package-tampered",
    message: /network\.onnx does not have the sha256/,
  },
  "a manifest that is no JSON": {
    change: (files) => ({ ...files, "manifest.json": text("no") }),
    code: "invalid-manifest",
    message: /expected JSON/,
  },
  "a name that climbs out": {
    change: (files) => ({ ...files, "../evil": text("x") }),
    code: "invalid-archive",
    message: /a file name is unsafe/,
  },
};

for (const [name, { change, code = "invalid-package", message }] of Object.entries(BAD_PACKAGES)) {
  Deno.test(`importPackage() refuses ${name} and leaves nothing`, () =>
    withPackage(async ({ directory, manifest }) => {
      const { stream } = await exportPackage(directory, manifest);
      const files = change(unzipSync(new Uint8Array(await new Response(stream).arrayBuffer())));
      const path = await zipFile(rawZip(Object.entries(files).map(([name, content]) => ({ name, content }))));
      const root = await Deno.makeTempDir();
      await assert.rejects(importPackage(path, root, ACCEPT), refusal(code, message));
      assert.deepEqual([...Deno.readDirSync(root)], []);
      await Deno.remove(root);
      await Deno.remove(path);
    }));
}

Deno.test("importPackage() refuses a network that the check refuses", () =>
  withPackage(async ({ directory, manifest }) => {
    const { stream } = await exportPackage(directory, manifest);
    const path = await zipFile(new Uint8Array(await new Response(stream).arrayBuffer()));
    const root = await Deno.makeTempDir();
    const checkNetwork = () => {
      throw new SyntaxError("Cannot read ONNX: external data");
    };
    await assert.rejects(
      importPackage(path, root, { ...ACCEPT, checkNetwork }),
      refusal("invalid-package", /network\.onnx: Cannot read ONNX: external data/),
    );
    assert.deepEqual([...Deno.readDirSync(root)], []);
    await Deno.remove(root);
    await Deno.remove(path);
  }));
