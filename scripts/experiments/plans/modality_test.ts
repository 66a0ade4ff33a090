import assert from "node:assert/strict";
import { foldsByPatient } from "./modality.ts";
import { heldAnatomies } from "./structures.ts";

Deno.test("foldsByPatient() holds every patient out once and leaves every class to learn from", () => {
  const images = ["a_1 t1 t2", "b_1 t1 t1c", "b_2 t1", "c_1 t1 t1c t2", "d_1 t2"].flatMap((line) => {
    const [study, ...modalities] = line.split(" ");
    return modalities.map((m) => ({ id: `${study}/${m}`, patient: study.slice(0, 1), images: {}, className: m }));
  });
  const folds = foldsByPatient(images);
  assert.deepEqual(folds.flatMap((f) => f.test.map((c) => c.id)).sort(), images.map((c) => c.id).sort());
  for (const { train, test } of folds) {
    assert.equal(train.length + test.length, images.length);
    assert.ok(!test.some((c) => train.some((t) => t.patient === c.patient)));
    assert.deepEqual([...new Set(train.map((c) => c.className))].sort(), ["t1", "t1c", "t2"]);
  }
});

Deno.test("heldAnatomies() holds 15 and 16 out at the end, and never reads them in a fold", () => {
  assert.deepEqual(heldAnatomies("test").test, [15, 16]);
  assert.equal(heldAnatomies("test").train.length, 14);
  const folds = Array.from({ length: 7 }, (_, fold) => heldAnatomies({ fold }));
  for (const { train, test } of folds) {
    assert.deepEqual([...train, ...test].sort((a, b) => a - b), Array.from({ length: 14 }, (_, i) => i + 1));
  }
  assert.deepEqual(folds.flatMap((f) => f.test).sort((a, b) => a - b), Array.from({ length: 14 }, (_, i) => i + 1));
});
