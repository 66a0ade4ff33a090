/**
 * The service as a user has it: the server's own process, a real socket, curl. Uploads, a fine-tune that is killed and
 * resumed, a mask on the patient's own grid; and the refusals of nonsense.
 */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { makePhantom, PHANTOM_MODALITIES } from "../scripts/phantoms/phantom.ts";
import { type Service, startService } from "../scripts/demo/service.ts";
import { createTestDatabase, TEST_URL } from "../src/storage/testing/database.ts";
import { geometryOf } from "../src/volume/formats/nifti_header.ts";
import {
  type Grid,
  readVolume,
  readVolumeHeader,
  type Triple,
  type VolumeHeader,
  writeVolume,
} from "../src/volume/mod.ts";
import { curl, NO_CURL, sending, watch } from "./testing/curl.ts";
import { shipTinyEncoder, TINY_SIZE } from "./testing/tiny_models.ts";
import { inFolder, orientedGrid } from "./testing/volumes.ts";

const SIZE: Triple = [33, 38, 31];

type ScannerGrid = Grid & Required<Pick<VolumeHeader, "nifti">>;

/** A header such as a scanner writes: turned axes, a qform beside the sform. */
function scannerHeader(): ScannerGrid {
  const grid = orientedGrid(SIZE, { code: "PIR", spacingMm: [4.4, 3.9, 4.7], originMm: [60, 70, -60] });
  const { version, raw } = geometryOf(grid);
  const view = new DataView(raw.buffer);
  view.setFloat32(76, -1, true); // qfac
  view.setInt16(252, 1, true); // qform_code
  view.setInt16(254, 4, true); // sform_code
  [0.5, -0.5, 0.5, 61, 70, -60].forEach((v, i) => view.setFloat32(256 + 4 * i, v, true));
  return { ...grid, nifti: { version, raw } };
}

/** Four modalities and the lesions of a phantom under `folder`. */
async function writeCase(folder: string, seed: number, grid: ScannerGrid): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { images, label } = makePhantom({ seed, sizeVox: SIZE, spacingMm: [4.4, 3.9, 4.7], lesions: 6 });
  for (const [name, data] of Object.entries({ ...images, label })) {
    await writeVolume(join(folder, `${name}.nii.gz`), { data, grid });
  }
}

async function createdId(url: string, value: unknown): Promise<string> {
  const reply = await curl(url, ...sending(value));
  assert.ok(reply.status === 201 || reply.status === 202, `${reply.status} ${new TextDecoder().decode(reply.body)}`);
  return reply.json().id;
}

/** A data set of two cases, by curl. */
async function upload({ url }: Service, folder: string): Promise<string> {
  const labels = [{ name: "lesion", values: [1] }];
  const id = await createdId(`${url}/v1/datasets`, {
    name: "ms",
    task: "segmentation",
    modalities: PHANTOM_MODALITIES,
    labels,
  });
  for (const name of ["one", "two"]) {
    for (const file of [...PHANTOM_MODALITIES, "label"]) {
      const { status } = await curl(
        "-T",
        join(folder, name, `${file}.nii.gz`),
        `${url}/v1/datasets/${id}/cases/${name}/${file}`,
      );
      assert.equal(status, 201);
    }
  }
  // the scanner's qform is not where its sform is; of nothing else is there a doubt
  const { checks, ready } = (await curl(`${url}/v1/datasets/${id}`)).json();
  assert.deepEqual([ready, [...new Set(checks.map((c: { code: string }) => c.code))]], [true, ["forms-differ"]]);
  return id;
}

const images = (folder: string, names: readonly string[] = PHANTOM_MODALITIES) =>
  names.flatMap((name) => ["-F", `${name}=@${join(folder, `${name}.nii.gz`)}`]);

/** Checks that the mask has the patient's own grid, and as many voxels as the JSON reply reports. */
async function segmentAndCheck({ url }: Service, folder: string, like: ScannerGrid): Promise<void> {
  const address = `${url}/v1/models/lesions/segment`;
  const mask = await curl(address, ...images(folder));
  assert.deepEqual([mask.status, mask.type], [200, "application/gzip"]);
  const { data, header } = await readVolume(mask.body);
  assert.deepEqual([header.sizeVox, header.datatype.name, header.nifti], [SIZE, "uint8", like.nifti]);
  assert.deepEqual(header.affineRas, (await readVolumeHeader(join(folder, "t1.nii.gz"))).affineRas);
  const found = (await curl(address, "-H", "Accept: application/json", ...images(folder))).json();
  assert.deepEqual([found.model, found.version, found.provider], ["lesions", 1, "cpu"]);
  assert.equal(found.labels[0].voxels, data.filter((v) => v === 1).length);
}

/** Arguments of curl, and the refusal: status, code, words. */
async function refuseNonsense(
  server: Service,
  { folder, dataset }: { folder: string; dataset: string },
): Promise<void> {
  const grid = scannerHeader();
  const bad = join(folder, "bad");
  await mkdir(bad);
  await writeFile(join(bad, "text.nii.gz"), "Jane Doe, not a volume");
  const good = await Deno.readFile(join(folder, "three/t1.nii.gz"));
  await writeFile(join(bad, "cut.nii.gz"), good.subarray(0, good.length / 2));
  const four = { data: new Uint8Array(2 * SIZE[0] * SIZE[1] * SIZE[2]), components: 2, grid };
  await writeVolume(join(bad, "series.nii.gz"), four);
  const zeros = new Uint8Array(2 ** 28);
  const bomb = join(bad, "bomb.nii.gz");
  await writeVolume(join(bad, "small.nii"), { data: new Uint8Array(8), grid: { ...grid, sizeVox: [2, 2, 2] } });
  zeros.set(await Deno.readFile(join(bad, "small.nii")));
  await writeFile(bomb, gzipSync(zeros, { level: 1 }));
  const upload = (name: string) => ["-T", join(bad, name), `${server.url}/v1/datasets/${dataset}/cases/bad/t1`];
  const segment = `${server.url}/v1/models/lesions/segment`;
  const three = join(folder, "three");
  const t1 = (name: string) => [segment, ...images(three, ["t1c", "t2", "flair"]), "-F", `t1=@${join(bad, name)}`];
  const cases: readonly (readonly [args: readonly string[], status: number, code: string, RegExp])[] = [
    [upload("text.nii.gz"), 415, "unsupported-media-type", /expected a NIfTI file/],
    [upload("cut.nii.gz"), 422, "invalid-volume", /bytes of voxels|gzip data/],
    [upload("series.nii.gz"), 422, "invalid-volume", /expected one 3-D volume, got a series of 33×38×31×2/],
    [upload("bomb.nii.gz"), 422, "invalid-volume", /expected 8 bytes of voxels, got far more/],
    [t1("text.nii.gz"), 415, "unsupported-media-type", /t1: expected a NIfTI file/],
    [t1("cut.nii.gz"), 422, "invalid-volume", /t1/],
    [t1("series.nii.gz"), 422, "invalid-volume", /t1: .*a series of/],
    [t1("bomb.nii.gz"), 422, "invalid-volume", /t1: .*far more/],
    [[segment, ...images(three, ["t1", "t2"])], 422, "missing-modality", /t1c|flair/],
    [[segment, "-F", `head=@${join(three, "t1.nii.gz")}`], 400, "invalid-request", /expected parts named t1, /],
    [[`${server.url}/v1/models/nobody/segment`, ...images(three)], 404, "not-found", /model/],
    [[`${server.url}/v1/finetunes`, ...sending({ dataset, epochs: 3 })], 400, "invalid-request", /no such field|base/],
    [[`${server.url}/v1/datasets`, "-H", "Content-Type: application/json", "-d", "{"], 400, "invalid-json", /JSON/],
    [["-X", "DELETE", `${server.url}/v1/jobs`], 405, "method-not-allowed", /takes GET/],
    [[`${server.url}/v2`], 404, "unknown-route", /docs/],
  ];
  for (const [args, status, code, words] of cases) {
    const reply = await curl(...args);
    const problem = reply.json();
    assert.deepEqual(
      [reply.status, reply.type, problem.code],
      [status, "application/problem+json", code],
      args.join(" "),
    );
    assert.match(problem.detail, words);
    assert.doesNotMatch(problem.detail, /Doe|bad\/|\/tmp/);
  }
}

/** Trains until it is killed in the middle, starts again, and compares with an undisturbed training. */
async function trainKillResume(
  server: Service,
  { dataset, restart }: { dataset: string; restart: () => Promise<Service> },
): Promise<Service> {
  // the paper's preset checkpoints every five steps
  const recipe = {
    preset: "paper",
    steps: 60,
    batchSize: 1,
    roi: [TINY_SIZE, TINY_SIZE, TINY_SIZE],
    seed: 5,
    validation: "none",
  };
  const start = ({ url }: Service, name: string) =>
    createdId(`${url}/v1/finetunes`, { dataset, base: { model: "tiny" }, name, recipe });
  const job = await start(server, "lesions");
  const seen = await watch(
    [`${server.url}/v1/jobs/${job}/events`],
    ({ type, data }) => type === "progress" && data.step >= 6,
  );
  await server.kill();

  const again = await restart();
  const last = seen.at(-1)!.id;
  const rest = await watch(["-H", `Last-Event-ID: ${last}`, `${again.url}/v1/jobs/${job}/events`]);
  assert.ok(rest.every(({ id }) => id > last), "an event came twice");
  assert.deepEqual([rest.at(-1)!.type, rest.at(-1)!.data.state], ["done", "succeeded"]);
  const steps = rest.filter(({ type }) => type === "progress").map(({ data }) => data.step);
  assert.ok(steps[0] < 60 && steps.every((step) => step > 5), `resumed with the steps ${steps}`);

  const twin = await start(again, "twin");
  await watch([`${again.url}/v1/jobs/${twin}/events`]);
  const network = async (name: string) => {
    const { manifest, state } = (await curl(`${again.url}/v1/models/${name}/versions/1`)).json();
    assert.equal(state, "candidate");
    return manifest.files["network.onnx"];
  };
  assert.equal(await network("lesions"), await network("twin"), "the weights differ");

  const report = await curl(`${again.url}/v1/jobs/${job}/report`);
  assert.deepEqual([report.type, report.json().cases, report.json().provider], ["application/json", 2, "cpu"]);
  const page = await curl("-H", "Accept: text/html", `${again.url}/v1/jobs/${job}/report`);
  assert.match(page.type, /^text\/html/);
  for (const shown of [/<svg/, /data:image\/png;base64,/]) assert.match(new TextDecoder().decode(page.body), shown);
  const approval = sending({ approvedBy: "Dr Grey" });
  assert.equal((await curl(`${again.url}/v1/models/lesions/versions/1/approve`, ...approval)).json().state, "served");
  return again;
}

/** Runs everything in turn on one database. */
async function liveThrough(env: Record<string, string>): Promise<void> {
  await inFolder(async (folder) => {
    const like = scannerHeader();
    for (const [i, name] of ["one", "two", "three"].entries()) await writeCase(join(folder, name), i + 1, like);
    const models = join(folder, "models");
    await shipTinyEncoder(models);
    const start = () => startService({ data: join(folder, "data"), models, env });
    let server = await start();
    try {
      const dataset = await upload(server, folder);
      server = await trainKillResume(server, { dataset, restart: start });
      await segmentAndCheck(server, join(folder, "three"), like);
      await refuseNonsense(server, { folder, dataset });
      assert.equal(await server.stop(), 0);
    } catch (error) {
      await server.kill();
      throw error;
    }
  });
}

const what = "the service lives through uploads, a SIGKILL in mid-training, a mask and nonsense";
Deno.test({
  name: `${what} (embedded${NO_CURL ? `, skipped: ${NO_CURL}` : ""})`,
  ignore: NO_CURL !== undefined,
  fn: () => liveThrough({ DATABASE_URL: "" }),
});

// On a shared server a runner counts as dead after a minute of silence.
const why = NO_CURL ?? (TEST_URL ? undefined : "DATABASE_URL_TEST is not set");
Deno.test({
  name: `${what} (PostgreSQL${why ? `, skipped: ${why}` : ""})`,
  ignore: why !== undefined,
  async fn() {
    const database = await createTestDatabase(TEST_URL!);
    try {
      await liveThrough({ DATABASE_URL: database.url });
    } finally {
      await database.close();
    }
  },
});
