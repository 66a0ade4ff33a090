import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { inTemp, writeFakePackage, writeMask } from "../testing/cli.ts";

const PROJECT = resolve(import.meta.dirname!, "../../..");

/** Runs `deno task sulcus` as a user who stands in `cwd`. */
async function task(cwd: string, argv: readonly string[], env: Record<string, string> = {}) {
  // Deno keeps an INIT_CWD that is set already, as one of npm's is around these tests.
  const { INIT_CWD: _, ...inherited } = Deno.env.toObject();
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    clearEnv: true,
    args: ["task", "--quiet", "--config", join(PROJECT, "deno.json"), "sulcus", ...argv],
    cwd,
    env: { ...inherited, ...env },
  }).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), err: text(stderr) };
}

Deno.test("deno task sulcus reads and writes relative paths where the user stands", () =>
  inTemp(async (root) => {
    for (const folder of ["found", "true"]) {
      await Deno.mkdir(join(root, folder));
      await writeMask(join(root, folder, "a.nii"), { boxes: [{ from: [2, 2, 2], to: [5, 5, 5], value: 1 }] });
    }
    const masks = await task(root, ["evaluate", "--prediction", "found", "--reference", "./true", "--out", "s.csv"]);
    assert.equal(masks.code, 0, masks.err);
    assert.match(await Deno.readTextFile(join(root, "s.csv")), /\na,1,1,0,0.027,0.027\n/);

    await writeFakePackage(join(root, "shipped"), { name: "mine" });
    for (
      const [flags, env] of [[["--models", "shipped", "--data", "d"], {}], [[], {
        SULCUS_MODELS: "shipped",
        SULCUS_DATA: "d",
      }]] as const
    ) {
      const models = await task(root, ["models", ...flags], env);
      assert.equal(models.code, 0, models.err);
      assert.match(models.out, /^mine /m);
      assert.ok((await Deno.stat(join(root, "d"))).isDirectory);
    }
  }));

Deno.test("deno task sulcus finds the project's models from every folder", () =>
  inTemp(async (root) => {
    const { code, out, err } = await task(root, ["models", "--data", "d"]);
    assert.equal(code, 0, err);
    assert.match(out, /^ms-lesion /m);
    assert.deepEqual([...Deno.readDirSync(root)].map((e) => e.name), ["d"]);
  }));

Deno.test("a program that deno task did not start stays where it is, whatever INIT_CWD says", () =>
  inTemp(async (root) => {
    await Deno.mkdir(join(root, "here"));
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--quiet", join(PROJECT, "src/cli/main.ts"), "models", "--data", "d", "--models", "none"],
      cwd: join(root, "here"),
      env: { INIT_CWD: root },
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    assert.deepEqual([...Deno.readDirSync(root)].map((e) => e.name), ["here"]);
    assert.deepEqual([...Deno.readDirSync(join(root, "here"))].map((e) => e.name), ["d"]);
  }));
