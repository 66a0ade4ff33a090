import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { openEngine } from "../../src/engine/mod.ts";
import { pretrain, type PretrainingCase, type PretrainRequest, TrainingError } from "../../src/train/mod.ts";
import { writeVolume } from "../../src/volume/mod.ts";
import { TINY_PRETRAINING } from "../../tests/testing/pretraining.ts";
import { inFolder } from "../../tests/testing/volumes.ts";
import { drawSubjects, subjectName, writeSubjects } from "../simulator/dataset.ts";
import { sphereHead } from "../simulator/testing/spheres.ts";
import { legOf, pretrainOnPool } from "./pretraining.ts";
import { type DrawSubjects, subjectOf, SubjectPool } from "./subject_pool.ts";

/** A plan of coarse heads of spheres. */
async function planIn(folder: string) {
  await mkdir(join(folder, "head"));
  const image = sphereHead(), path = join(folder, "head", "one.nii.gz");
  await writeVolume(path, { data: Uint16Array.from(image.data), grid: image });
  return { seed: 5, anatomies: [path], modalities: ["t1", "flair"], spacingMm: 6 } as const;
}

/** Draws in this process, and lists what was asked for. */
function drawnHere() {
  const asked: (readonly number[])[] = [];
  const draw = ({ folder, plan, subjects }: DrawSubjects) => {
    asked.push(subjects);
    return { done: drawSubjects(folder, plan, { numbers: subjects }), stop: () => {} };
  };
  return { asked, draw };
}

Deno.test("subjectOf() replaces the oldest subjects, slot by slot, and never draws one twice", () => {
  const leg = (g: number) => Array.from({ length: 4 }, (_, slot) => subjectOf(slot, g, { size: 4, replaced: 3 }));
  assert.deepEqual([0, 1, 2, 3].map(leg), [[0, 1, 2, 3], [4, 5, 6, 3], [8, 9, 6, 7], [12, 9, 10, 11]]);
  for (let g = 1; g < 50; g++) {
    const fresh = leg(g).filter((k) => !leg(g - 1).includes(k)).sort((a, b) => a - b);
    assert.deepEqual(fresh, [1, 2, 3].map((k) => 3 * g + k), `leg ${g}`);
  }
});

Deno.test("SubjectPool draws the next leg's subjects meanwhile, keeps its size on disk, and goes on after a stop", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder), directory = join(folder, "pool"), sizes = { size: 3, replaced: 2 };
    const first = drawnHere(), pool = new SubjectPool({ directory, plan, ...sizes, draw: first.draw });
    const cases = await pool.leg(0);
    assert.deepEqual([cases.map(({ id }) => id), first.asked], [["slot 1", "slot 2", "slot 3"], [[0, 1, 2], [3, 4]]]);
    const second = await pool.leg(1);
    assert.deepEqual(second.map(({ images }) => images.t1!.split("/").at(-2)), [3, 4, 2].map(subjectName));
    assert.ok(readdirSync(join(directory, "cases")).length <= 3 + 2, "the pool and what is being drawn");
    assert.ok(!existsSync(join(directory, "cases", subjectName(0))));

    const again = drawnHere(), resumed = new SubjectPool({ directory, plan, ...sizes, draw: again.draw });
    const same = await resumed.leg(1);
    assert.deepEqual(same, second);
    assert.deepEqual(again.asked.filter((numbers) => numbers.some((k) => k <= 4)), [], "whole subjects stay");

    const out = join(folder, "before");
    await writeSubjects(out, { ...plan, subjects: 4, label: "none" });
    const bytes = (root: string) => readFileSync(join(root, "cases", subjectName(3), "t1.nii.gz"));
    assert.deepEqual(bytes(directory), bytes(out), "subject 4 is the same, whoever draws it");
  }));

Deno.test("SubjectPool draws in a process of low priority, and reports one that fails", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder), directory = join(folder, "pool");
    const pool = new SubjectPool({ directory, plan, size: 1, replaced: 1 });
    assert.deepEqual(Object.keys((await pool.leg(0))[0].images).sort(), ["flair", "t1"]);
    pool.stop();
    const broken = new SubjectPool({
      directory: join(folder, "other"),
      plan: { ...plan, anatomies: [join(folder, "none.nii.gz")] },
      size: 1,
      replaced: 1,
    });
    await assert.rejects(broken.leg(0), /Cannot draw subjects: the drawing process ended with 1/);
    assert.throws(() => new SubjectPool({ directory, plan, size: 2, replaced: 3 }), /got 2 and 3/);
  }));

Deno.test("pretrainOnPool() trains leg by leg on other subjects, and ends as far as an undisturbed run of as many updates", () =>
  inFolder(async (folder) => {
    const plan = await planIn(folder), engine = await openEngine("cpu");
    try {
      const real: PretrainingCase[] = [];
      const seen: string[] = [];
      const requestIn = async (name: string): Promise<PretrainRequest> => {
        const [workDirectory, outputDirectory] = [join(folder, name), join(folder, `${name} output`)];
        for (const path of [workDirectory, outputDirectory]) await mkdir(path);
        return {
          cases: real,
          recipe: { ...TINY_PRETRAINING, steps: 5, checkpointEverySteps: 2, align: "middle" },
          workDirectory,
          outputDirectory,
          engine,
          onEvent: (event) => {
            if (event.type === "progress") seen.push(`${name} ${event.step}`);
          },
        };
      };
      const poolFor = (name: string) =>
        new SubjectPool({ directory: join(folder, name, "pool"), plan, size: 2, replaced: 1, draw: drawnHere().draw });
      const whole = await requestIn("whole");
      await pretrainOnPool(whole, { pool: poolFor("whole"), legUpdates: 2 });
      assert.deepEqual(seen, [1, 2, 3, 4, 5].map((step) => `whole ${step}`));

      const broken = await requestIn("broken"), abort = new AbortController();
      const stopping = {
        ...broken,
        signal: abort.signal,
        onEvent: (e: Parameters<typeof broken.onEvent>[0]) => {
          if (e.type === "progress" && e.step === 3) abort.abort();
        },
      };
      await assert.rejects(
        pretrainOnPool(stopping, { pool: poolFor("broken"), legUpdates: 2 }),
        (e) => e instanceof TrainingError && e.code === "cancelled",
      );
      assert.equal(await legOf(broken.workDirectory, 2), 1);
      await pretrainOnPool(broken, { pool: poolFor("broken"), legUpdates: 2 });
      const network = (request: PretrainRequest) => readFileSync(join(request.outputDirectory, "network.onnx"));
      assert.deepEqual(network(broken), network(whole), "the same subjects, the same trajectory");

      const fixed = await requestIn("fixed");
      await pretrain({ ...fixed, cases: poolFor("whole").listed(2) });
      assert.notDeepEqual(network(fixed), network(whole));
    } finally {
      await engine.close();
    }
  }));
