/** Networks that come in several files: weights beside a graph, forms, archives, descriptions. Damaged ones are refused. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type ImportRequest, importRequestSchema, type ImportSource } from "../src/weights/mod.ts";
import { type Imported, importWeights } from "../src/weights/import_weights.ts";
import { inspectWeights } from "../src/weights/inspect.ts";
import { importModel } from "../src/graph/mod.ts";
import { rawZip } from "../src/storage/testing/zip.ts";
import { besideModel } from "./testing/beside.ts";
import { foreignModel, type ForeignNode } from "./testing/onnx_model.ts";
import { loadFixture } from "./fixtures/mod.ts";
import { inFolder } from "./testing/volumes.ts";

const NAME = "pyramid.onnx.data";
const WHOLE = loadFixture("pyramid_folded").model;
const { model: MODEL, data: DATA } = besideModel(WHOLE, NAME);
const FIELDS = { features: "coarse,middle,fine", modalities: "t1,t1c,t2,flair", roi: "32" };

const asked = (fields: Record<string, string> = FIELDS): ImportRequest =>
  importRequestSchema.parse({ name: "made", ...fields });

/** Imports into a fresh folder; the network comes back too. */
async function imported(
  folder: string,
  source: ImportSource,
  fields?: Record<string, string>,
): Promise<Imported & { readonly network: Uint8Array }> {
  const out = await Deno.makeTempDir({ dir: folder });
  const made = await importWeights(source, asked(fields), out);
  assert.deepEqual([...Deno.readDirSync(out)].map((e) => e.name).sort(), ["network.onnx", "report.json"]);
  return { ...made, network: await Deno.readFile(join(out, "network.onnx")) };
}

/** The weights of a graph, as text. */
const weightsOf = (network: Uint8Array) =>
  [...importModel(network, { inputShape: [1, 4, 32, 32, 32] }).constants].map((
    [name, { data }],
  ) => [name, String(data)]);

async function written(folder: string, files: Record<string, Uint8Array | string>): Promise<Record<string, string>> {
  const paths: Record<string, string> = {};
  for (const [name, content] of Object.entries(files)) {
    paths[name] = join(folder, name);
    if (typeof content === "string") await Deno.writeTextFile(paths[name], content);
    else await Deno.writeFile(paths[name], content);
  }
  return paths;
}

const entries = (files: Record<string, Uint8Array | string>) =>
  rawZip(
    Object.entries(files).map(([name, content]) => ({
      name,
      content: typeof content === "string" ? new TextEncoder().encode(content) : content,
    })),
  );

Deno.test("weights beside a graph are found in its folder, among given files and in an archive; the package holds them", () =>
  inFolder(async (folder) => {
    const files = await written(folder, { "model.onnx": MODEL, [NAME]: DATA });
    await Deno.mkdir(join(folder, "spool"));
    const spooled = await written(join(folder, "spool"), { "part-1": DATA, "part-2": MODEL });
    await Deno.writeFile(
      join(folder, "all.zip"),
      entries({
        "net/model.onnx": MODEL,
        [`net/${NAME}`]: DATA,
        [`other/${NAME}`]: DATA.slice(9),
        "__MACOSX/net/._model.onnx": "x",
      }),
    );
    const sources: ImportSource[] = [
      { path: files["model.onnx"], neighbours: true },
      { path: files["model.onnx"], files: { [NAME]: files[NAME] } },
      { files: { [NAME]: spooled["part-1"], "model.onnx": spooled["part-2"] } },
      { path: join(folder, "all.zip") },
    ];
    for (const source of sources) {
      const { network, draft } = await imported(folder, source);
      assert.deepEqual(weightsOf(network), weightsOf(WHOLE));
      assert.deepEqual(draft.architecture.config, { features: ["coarse", "middle", "fine"] });
    }
  }));

Deno.test("files beside a graph are refused that are missing, lead out of the folder, or make the choice unclear", () =>
  inFolder(async (folder) => {
    await Deno.mkdir(join(folder, "models"));
    const { "model.onnx": path } = await written(join(folder, "models"), { "model.onnx": MODEL });
    const { secret } = await written(folder, { secret: DATA });
    const refused = (source: ImportSource, message: RegExp) =>
      assert.rejects(imported(folder, source), { name: "TypeError", message });
    const missing =
      /weights lie in "pyramid\.onnx\.data", expected "pyramid\.onnx\.data" beside it, got none: give it too/;
    await refused({ path, neighbours: true }, missing);
    await refused({ path }, missing);
    await Deno.symlink(secret, join(folder, "models", NAME));
    await refused({ path, neighbours: true }, /is a link out of its folder/);
    await Deno.remove(join(folder, "models", NAME));
    await Deno.mkdir(join(folder, "models", NAME));
    await refused({ path, neighbours: true }, /expected "pyramid\.onnx\.data" beside it to be a file/);
    await Deno.writeFile(join(folder, "two.zip"), entries({ "a.onnx": MODEL, "b/c.onnx": MODEL }));
    await refused(
      { path: join(folder, "two.zip") },
      /expected one network among the files, got "a\.onnx", "b\/c\.onnx"/,
    );
    await Deno.writeFile(join(folder, "slip.zip"), entries({ "../a.onnx": MODEL }));
    await assert.rejects(imported(folder, { path: join(folder, "slip.zip") }), { code: "invalid-archive" });
    await refused({ files: { "a.json": path } }, /expected a file that ends in \.onnx, .* got "a\.json"/);
  }));

Deno.test("a spec.json beside a graph states what manifests hold, below the request", () =>
  inFolder(async (folder) => {
    const spec = {
      modalities: ["t1", "t1c", "t2", "flair"],
      preprocessing: { normalisation: [{ kind: "z-score", over: "nonzero" }], foreground: "whole", orientation: "LPS" },
      inference: { overlap: 0.25, roi: [16, 16, 16] },
    };
    const files = await written(folder, { "model.onnx": WHOLE, "spec.json": JSON.stringify(spec) });
    const source = { path: files["model.onnx"], files: { "spec.json": files["spec.json"] } };
    const { draft, report } = await imported(folder, source, { features: "auto", roi: "32" });
    assert.deepEqual(draft.preprocessing, {
      spacingMm: [1, 1, 1],
      foregroundMargin: null,
      foreground: "whole",
      orientation: "LPS",
      normalisation: [{ kind: "z-score", over: "nonzero" }],
    });
    assert.deepEqual([draft.inference.overlap, draft.inference.roi], [0.25, [32, 32, 32]]);
    assert.deepEqual(draft.architecture.config, { features: ["fine", "middle", "coarse"] });
    assert.deepEqual(report.assumed, ["pre-processing that nobody states: voxels of 1×1×1 mm"]);
    await Deno.writeTextFile(files["spec.json"], JSON.stringify({ inference: { overlap: 2 } }));
    await assert.rejects(imported(folder, source), { message: /spec\.json: inference\.overlap: / });
  }));

/** A network of one convolution that ends with these nodes: x [N, 2, 8, 8, 8] → y. */
function ending(channels: number, nodes: readonly ForeignNode[]): Uint8Array {
  const weight = {
    dtype: "float32" as const,
    shape: [channels, 2, 1, 1, 1],
    data: new Float32Array(channels * 2).fill(0.5),
  };
  return foreignModel({
    inputs: { x: { dtype: "float32", shape: [1, 2, 8, 8, 8] } },
    constants: { "conv.weight": weight },
    nodes: [{ op: "Conv", inputs: ["x", "conv.weight"], outputs: [nodes.length === 0 ? "y" : "a"] }, ...nodes],
    outputs: ["y"],
  });
}

const ENDS: readonly (readonly [string, Uint8Array, string, string | RegExp])[] = [
  ["no activation, K + 1 channels", ending(3, []), "a=1,b=2", "softmax"],
  ["no activation, K channels", ending(2, []), "a=1,b=2", "sigmoid"],
  [
    "Softmax",
    ending(3, [{ op: "Softmax", inputs: ["a"], outputs: ["y"], attrs: { axis: 1 } }]),
    "a=1,b=2",
    "class-probabilities",
  ],
  [
    "Sigmoid and Identity",
    ending(2, [
      { op: "Sigmoid", inputs: ["a"], outputs: ["b"] },
      { op: "Identity", inputs: ["b"], outputs: ["y"] },
    ]),
    "a=1,b=2",
    "probabilities",
  ],
  [
    "ArgMax",
    ending(3, [{ op: "ArgMax", inputs: ["a"], outputs: ["y"], attrs: { axis: 1, keepdims: 1 } }]),
    "a=1,b=2",
    "label-map",
  ],
  [
    "ArgMax without its axis",
    ending(3, [{ op: "ArgMax", inputs: ["a"], outputs: ["y"], attrs: { axis: 1, keepdims: 0 } }]),
    "background=0,a=1,b=2",
    "label-map",
  ],
  [
    "LogSoftmax",
    ending(3, [{ op: "LogSoftmax", inputs: ["a"], outputs: ["y"], attrs: { axis: 1 } }]),
    "background=0,a=1,b=2",
    "softmax",
  ],
  [
    "Softmax over labels alone",
    ending(2, [{ op: "Softmax", inputs: ["a"], outputs: ["y"], attrs: { axis: 1 } }]),
    "a=1,b=2",
    /ends in a Softmax over 2 channels, of which one/,
  ],
  [
    "too many channels",
    ending(5, []),
    "a=1,b=2",
    /expected 2 channels, one per label, or 3 with the background first, got 5/,
  ],
];
for (const [name, bytes, labels, expected] of ENDS) {
  Deno.test(`an import recognises how a graph ends: ${name}`, () =>
    inFolder(async (folder) => {
      const { m } = await written(folder, { m: bytes });
      const made = imported(folder, { path: m }, { labels, modalities: "t1,flair" });
      if (expected instanceof RegExp) return await assert.rejects(made, { message: expected });
      const { draft, report } = await made;
      assert.equal(draft.inference.activation, expected);
      assert.ok(report.assumed.some((line) => line.startsWith(`activation ${expected}: `)), String(report.assumed));
    }));
}

Deno.test("an import may use a value within the graph, and recognises its end too", () =>
  inFolder(async (folder) => {
    const bytes = ending(3, [
      { op: "Softmax", inputs: ["a"], outputs: ["p"], attrs: { axis: 1 } },
      { op: "Mul", inputs: ["p", "p"], outputs: ["y"] },
    ]);
    const { m } = await written(folder, { m: bytes });
    for (const [output, activation] of [["a", "softmax"], ["p", "class-probabilities"]]) {
      const { draft } = await imported(folder, { path: m }, { labels: "a=1,b=2", modalities: "t1,t2", output });
      assert.deepEqual([draft.inference.activation, draft.architecture.config], [activation, { output }]);
    }
  }));

Deno.test("an import is refused in words where window, channels or output do not fit the graph", () =>
  inFolder(async (folder) => {
    const { m } = await written(folder, { m: ending(2, []) });
    const rows: readonly (readonly [Record<string, string>, RegExp])[] = [
      [
        { labels: "a=1,b=2", modalities: "t1" },
        /expected 2 modalities for the 2 channels of its input \[1,2,8,8,8\], got 1/,
      ],
      [{ labels: "a=1,b=2", modalities: "t1,t2", roi: "16" }, /expected a window of \[8,8,8\], .* got \[16,16,16\]/],
      [{ labels: "a=1,b=2", modalities: "t1,t2", output: "z" }, /"z"/],
      [{ classes: "a,b", modalities: "t1,t2" }, /expected its first output to be \[1,2\], got \[1,2,8,8,8\]/],
      [
        { labels: "a=1,b=2", modalities: "t1,t2", activation: "class-probabilities" },
        /expected 3 channels for 2 labels/,
      ],
      [{ labels: "a=1", classes: "a,b", modalities: "t1,t2" }, /expected labels or classes, got both/],
      [{ labels: "a=1,b=2", modalities: "any,t1" }, /any is for classifications of one volume alone/],
    ];
    for (const [fields, message] of rows) await assert.rejects(imported(folder, { path: m }, fields), { message });
    const { graph, spec, refused } = await inspectWeights({ path: m }, { modalities: ["t1", "t2"] }, folder);
    assert.deepEqual([graph?.opset, graph?.parameters, graph?.unsupported, spec, refused], [17, 4, null, null, null]);
    const planned = await inspectWeights({ path: m }, { ...asked({ labels: "a=1", modalities: "t1,t2" }) }, folder);
    assert.match(String(planned.refused ?? planned.spec?.inference.activation), /^softmax$/);
  }));

Deno.test("an import is refused whose image is of another type than the volumes that are prepared", () =>
  inFolder(async (folder) => {
    for (const dtype of ["float64", "uint8"] as const) {
      const bytes = foreignModel({
        inputs: { x: { dtype, shape: [1, 1, 8, 8, 8] } },
        constants: {},
        nodes: [{ op: "Cast", inputs: ["x"], outputs: ["y"], attrs: { to: 1 } }],
        outputs: ["y"],
      });
      const { m } = await written(folder, { m: bytes });
      const message = new RegExp(`expected an input of float32, .*got ${dtype} for x: export the network in float32`);
      await assert.rejects(imported(folder, { path: m }, { labels: "a=1", modalities: "t1" }), { message });
      const { graph } = await inspectWeights({ path: m }, { modalities: ["t1"] }, folder);
      assert.match(String(graph?.unsupported), message);
    }
  }));

Deno.test("damaged files are refused in our own words, or imported", () =>
  inFolder(async (folder) => {
    const own = /^Cannot (?!read propert|set propert|destructure|access|convert)/;
    let refusals = 0;
    for (const [name, bytes] of [["model.onnx", MODEL], ["whole.onnx", WHOLE]] as const) {
      const paths = await written(folder, { [NAME]: DATA });
      for (let i = 0; i < 24; i++) {
        const damaged = i % 2 === 0
          ? bytes.slice(0, Math.floor((bytes.length * (i + 1)) / 26))
          : bytes.map((byte, at) => at === Math.floor((bytes.length * i) / 25) ? byte ^ 0xff : byte);
        await Deno.writeFile(join(folder, name), damaged);
        try {
          await imported(folder, { path: join(folder, name), files: paths });
        } catch (error) {
          refusals++;
          assert.match((error as Error).message, own);
        }
      }
    }
    assert.ok(refusals > 24, `only ${refusals} of 48 damaged files were refused`);
  }));
