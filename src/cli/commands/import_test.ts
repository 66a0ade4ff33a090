import assert from "node:assert/strict";
import { global, pickleOf, reduce, text } from "../../weights/testing/pickle.ts";
import { decodeSafetensors } from "../../tensor/mod.ts";
import { rawZip } from "../../storage/testing/zip.ts";
import { exists } from "../../storage/mod.ts";
import { inTemp, run } from "../testing/cli.ts";

const FILE = "tests/fixtures/checkpoints/pretraining.pt";

Deno.test("import makes a candidate and reports on its tensors; export writes them for PyTorch", () =>
  inTemp(async (root) => {
    const where = ["--data", `${root}/data`, "--models", `${root}/none`];
    const made = await run(["import", FILE, "--name", "official", "--roi", "16", ...where]);
    assert.deepEqual([made.code, made.err], [0, ""]);
    assert.deepEqual(made.out, [
      "Made official version 1, a candidate: encoder, uniformer-pretraining (inChannels 1, widths 2-4-6-8, depths 1-2-1-1, " +
      "headDim 2, mlpRatio 4, stemWidth 2)",
      "  loaded     121 tensors",
      "  dropped    decoder.decoder5.conv_block.conv1.conv.weight, decoder.decoder5.conv_block.conv2.conv.weight, " +
      "decoder.decoder5.conv_block.conv3.conv.weight, decoder.decoder4.conv_block.conv1.conv.weight, … (16): was never trained",
      "  templates  flair, t1, t1c, t2, mra, pd, dwi, adc",
      "  assumed    attention heads of 2 channels, the width of stage 1 as in official networks; shapes do not show it",
    ]);
    const out = `${root}/official.safetensors`;
    const written = await run(["export", "official", "--version", "1", "--out", out, ...where, "--json"]);
    const [{ tensors, templates, sha256 }] = written.out.map((line) => JSON.parse(line));
    assert.deepEqual([tensors, templates.length, sha256.length], [122, 8, 64]);
    const keys = [...decodeSafetensors(await Deno.readFile(out)).tensors.keys()];
    assert.ok(keys.includes("encoder.uniformer.blocks1.0.attn.weight") && keys.includes("rep_template"));
    const again = await run(["export", "official", "--version", "1", "--out", out, ...where]);
    assert.deepEqual([again.code, again.err], [1, "Cannot write the weights: there is such a file already\n"]);
    const second = await run(["import", out, "--name", "official", "--head-dim", "2", ...where, "--json"]);
    const [result] = second.out.map((line) => JSON.parse(line));
    assert.deepEqual([result.model, result.version, result.report.format], ["official", 2, "safetensors"]);
    assert.deepEqual(result.report.dropped, []);
  }));

Deno.test("import gives a new model to the project that it names, and refuses a model of others", () =>
  inTemp(async (root) => {
    const where = ["--data", `${root}/data`, "--models", `${root}/none`];
    const made = (name: string, ...rest: string[]) =>
      run(["import", FILE, "--name", name, "--roi", "16", ...rest, ...where]);
    assert.equal((await made("mine", "--project", "neuro")).code, 0);
    assert.equal((await made("mine", "--project", "neuro")).code, 0);
    assert.equal((await made("everybodys")).code, 0);
    const refused = await made("everybodys", "--project", "neuro");
    assert.equal(refused.code, 1);
    assert.match(refused.err, /^Cannot import the model for this project: there is a model of this name/);
    assert.match((await made("x", "--project", "a b")).err, /^Cannot use --project: expected 1 to 64 letters/);
    const listed = await run(["project", "list", "--json", "--data", `${root}/data`]);
    const { projects } = JSON.parse(listed.out.join(""));
    assert.deepEqual(projects.map(({ name }: { name: string }) => name), ["neuro"]);
    assert.ok(projects[0].usedBytes > 0);
  }));

Deno.test("import refuses hostile and foreign files without a trace", () =>
  inTemp(async (root) => {
    const where = ["--name", "evil", "--data", `${root}/data`, "--models", `${root}/none`];
    const refused = async (file: string, message: RegExp) => {
      const { code, out, err } = await run(["import", file, ...where]);
      assert.deepEqual([code, out], [1, []]);
      assert.match(err, message);
    };
    const attack = reduce(global("os", "system"), text(`touch ${root}/evil`));
    await Deno.writeFile(`${root}/os.pt`, rawZip([{ name: "x/data.pkl", content: pickleOf(attack) }]));
    await refused(`${root}/os.pt`, /^Cannot read the pickle: it asks for "os\.system", which is none of the names/);
    await Deno.writeFile(`${root}/slip.pt`, rawZip([{ name: "../data.pkl", content: pickleOf(attack) }]));
    await refused(`${root}/slip.pt`, /^Cannot read the zip archive: a file name is unsafe/);
    await refused("tests/fixtures/checkpoints/legacy.pt", /PyTorch 1\.6 or later.*torch\.save/);
    await refused("tests/fixtures/checkpoints/odd.pt", /^Cannot recognise the network: expected keys of a UniFormer/);
    assert.equal(await exists(`${root}/evil`), false);
    assert.deepEqual([...Deno.readDirSync(`${root}/data/models`)], []);
  }));

Deno.test("import and export name the flag that is wrong with exit code 2, before they open anything", () =>
  inTemp(async (root) => {
    const data = ["--data", `${root}/data`];
    const cases: [string[], string][] = [
      [["import"], "Cannot run import: expected FILE, got none"],
      [["import", FILE], "Cannot run: expected --name, got none"],
      [["import", FILE, "--name", "A"], /expected 1 to 64 of a-z/.source],
      [
        ["import", FILE, "--name", "a", "--labels", "x"],
        'Cannot use --labels: expected name=value with commas between, values from 1 to 65535, got "x"',
      ],
      [
        ["import", FILE, "--name", "a", "--head-dim", "0"],
        'Cannot use --head-dim: expected a whole number from 1 to 4096, got "0"',
      ],
      [["export"], "Cannot run export: expected NAME, got none"],
      [["export", "a"], "Cannot run: expected --out, got none"],
      [
        ["export", "A B", "--out", "x"],
        'Cannot use NAME: expected a name of a-z, 0-9, - and _, or a path with a slash, got "A B"',
      ],
    ];
    for (const [argv, message] of cases) {
      const { code, err } = await run([...argv, ...data]);
      assert.equal(code, 2, err);
      assert.ok(err.split("\n")[0].includes(message), err);
    }
    assert.equal(await exists(`${root}/data`), false);
  }));

Deno.test("export writes a graph of others with its description, from which import makes the same package again", () =>
  inTemp(async (root) => {
    const where = ["--data", `${root}/data`, "--models", `${root}/none`];
    const given = ["--features", "coarse,middle,fine", "--modalities", "t1,t1c,t2,flair", "--roi", "32"];
    const file = "tests/fixtures/pyramid_folded.onnx";
    const made = await run(["import", file, "--name", "cnn", ...given, ...where]);
    assert.equal(made.err, "");
    assert.match(made.out[0], /^Made cnn version 1, a candidate: encoder, onnx \(features coarse-middle-fine\)$/);
    const out = `${root}/cnn.onnx`;
    const { code, err } = await run(["export", "cnn", "--version", "1", "--out", out, ...where]);
    assert.deepEqual([code, err], [0, ""]);
    const again = await run(["import", out, "--name", "cnn", ...where]);
    assert.deepEqual([again.code, again.err], [0, ""]);
    const [first, second] = await Promise.all([1, 2].map(async (version) => {
      const manifest = JSON.parse(await Deno.readTextFile(`${root}/data/models/cnn/${version}/manifest.json`));
      return { ...manifest, version: 0, files: manifest.files["network.onnx"], provenance: manifest.provenance.note };
    }));
    assert.deepEqual(second, first);
  }));

Deno.test("import --list shows inputs, outputs and feature maps and makes nothing; models features names them later", () =>
  inTemp(async (root) => {
    const where = ["--data", `${root}/data`, "--models", `${root}/none`];
    const file = "tests/fixtures/pyramid_folded.onnx";
    const listed = await run(["import", file, "--list", "--roi", "32", "--modalities", "t1,t1c,t2,flair"]);
    assert.deepEqual([listed.code, listed.err], [0, ""]);
    assert.ok(
      listed.out.some((line) => /^ {2}feature \* {2}coarse: stride 8×8×8, 16 channels/.test(line)),
      listed.out.join("\n"),
    );
    const [{ graph, spec, refused }] = (await run(["import", file, "--list", "--json"])).out.map((line) =>
      JSON.parse(line)
    );
    assert.deepEqual([graph.unsupported, spec, refused], [null, null, null]);
    const given = ["--features", "coarse", "--modalities", "t1,t1c,t2,flair", "--roi", "32"];
    assert.equal((await run(["import", file, "--name", "cnn", ...given, ...where])).code, 0);
    const wrong = await run(["models", "features", "cnn", "1", "--features", "rough", ...where]);
    assert.equal(wrong.code, 1);
    assert.match(
      wrong.err,
      /expected feature maps of the graph, got "rough"; it has .*coarse \(stride 8×8×8, 16 channels\)/,
    );
    const named = await run(["models", "features", "cnn", "1", "--features", "auto", "--json", ...where]);
    const [{ version, state, features }] = named.out.map((line) => JSON.parse(line));
    assert.deepEqual([version, state, features], [2, "candidate", ["fine", "middle", "coarse"]]);
  }));
