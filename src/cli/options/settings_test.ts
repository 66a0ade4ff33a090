import assert from "node:assert/strict";
import { Args } from "../terminal/args.ts";
import { inTemp } from "../testing/cli.ts";
import { refuseUnsupported, settingsOf } from "./settings.ts";

const none = new Args([], new Map());

Deno.test("settingsOf() takes flags before the environment before defaults", () => {
  const args = new Args([], new Map([["port", "1"], ["data", "here"]]));
  const settings = settingsOf(args, { SULCUS_PORT: "2", SULCUS_MODELS: "packages", SULCUS_HOST: "" });
  assert.deepEqual(settings, {
    host: "127.0.0.1",
    port: 1,
    data: "here",
    models: "packages",
    provider: "auto",
    allowedHosts: [],
    modalityCheck: "mr-sequence",
    packagedReports: "pseudonyms",
    resultHours: 24,
    checkpointDays: 30,
    datasetDays: null,
    modelDays: null,
    jobDays: null,
    auditDays: null,
    uploadHours: null,
    storageBytes: null,
    cudaPrecision: "tf32",
  });
  const other = new Args([], new Map([["data", "cases"], ["store", "there"]]));
  assert.equal(settingsOf(other, {}, { dataFlag: "store" }).data, "there");
  assert.equal(settingsOf(none, { SULCUS_MODALITY_CHECK: "off" }).modalityCheck, null);
});

Deno.test("settingsOf() names the flag or variable that is wrong", () => {
  const cases: [Record<string, string>, Record<string, string>, string][] = [
    [{ port: "70000" }, {}, 'Cannot use --port: expected a port from 0 to 65535, got "70000"'],
    [{}, { SULCUS_PORT: "http" }, 'Cannot use SULCUS_PORT: expected a port from 0 to 65535, got "http"'],
    [
      {},
      { SULCUS_PROVIDER: "gpu" },
      'Cannot use SULCUS_PROVIDER: expected one of auto, cuda, webgpu, cpu, openvino, wasm, got "gpu"',
    ],
    [
      {},
      { SULCUS_MODALITY_CHECK: "Mr Sequence" },
      "Cannot use SULCUS_MODALITY_CHECK: expected 1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit, got " +
      '"Mr Sequence"',
    ],
    [
      {},
      { SULCUS_CUDA_PRECISION: "half" },
      'Cannot use SULCUS_CUDA_PRECISION: expected one of float32, tf32, mixed, got "half"',
    ],
    [
      {},
      { SULCUS_PRECISION: "half" },
      'Cannot use SULCUS_PRECISION: expected one of float32, tf32, mixed, got "half"',
    ],
    [{ host: "a b" }, {}, 'Cannot use --host: expected a host name or address, got "a b"'],
    [
      { "allowed-hosts": "a,b c" },
      {},
      'Cannot use --allowed-hosts: expected a host name or address, got "a,b c"',
    ],
  ];
  for (const [flags, env, message] of cases) {
    const args = new Args([], new Map(Object.entries(flags)));
    assert.throws(() => settingsOf(args, env), { name: "UsageError", message });
  }
});

Deno.test("settingsOf() reads values from files and never shows a secret", () =>
  inTemp((folder) => {
    const file = `${folder}/url`;
    Deno.writeTextFileSync(file, "postgres://user:secret@db/sulcus\n");
    assert.equal(settingsOf(none, { DATABASE_URL_FILE: file }).databaseUrl, "postgres://user:secret@db/sulcus");
    Deno.writeTextFileSync(`${folder}/port`, "81\n");
    assert.equal(settingsOf(none, { SULCUS_PORT_FILE: `${folder}/port` }).port, 81);
    Deno.writeTextFileSync(file, "mysql://user:secret@db/sulcus\n");
    const cases: [Record<string, string>, string][] = [
      [
        { DATABASE_URL_FILE: file },
        "Cannot use DATABASE_URL_FILE: expected an address that begins with postgres://",
      ],
      [{ DATABASE_URL_FILE: file, DATABASE_URL: "x" }, "Cannot use DATABASE_URL: DATABASE_URL_FILE is set too"],
      [{ DATABASE_URL: "secret" }, "Cannot use DATABASE_URL: expected an address that begins with postgres://"],
      [
        { DATABASE_URL_FILE: `${folder}/none` },
        "Cannot use DATABASE_URL_FILE: the file that it names cannot be read",
      ],
    ];
    for (const [env, message] of cases) assert.throws(() => settingsOf(none, env), { name: "UsageError", message });
    return Promise.resolve();
  }));

Deno.test("refuseUnsupported() refuses what begins with S3_ and is not empty", () => {
  refuseUnsupported({ S3_BUCKET: "", SULCUS_PORT: "1" });
  assert.throws(() => refuseUnsupported({ S3_BUCKET: "b" }), {
    name: "UsageError",
    message: "Cannot use S3_BUCKET: storage in S3 is not supported yet",
  });
});
