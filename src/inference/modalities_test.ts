import assert from "node:assert/strict";
import { inputFromName, modalityFromName } from "./modalities.ts";

Deno.test("inputFromName() knows modalities by any spelling, and any by its own", () => {
  assert.deepEqual(["any", "T1CE", "Any", "anything"].map(inputFromName), ["any", "t1c", null, null]);
});

Deno.test("modalityFromName() knows the spellings in use and nothing else", () => {
  const spellings = {
    t1: ["t1", "T1", "T1w", "t1n", "T1-native", "T1-weighted", "T1 (pre)"],
    t1c: ["t1c", "T1CE", "t1ce", "T1Gd", "T1_GD", "T1 contrast", "T1wCE", "T1w-Gd", "T1+C", "T1 post-contrast", "GADO"],
    t2: ["T2", "t2w"],
    flair: ["FLAIR", "t2f", "T2-FLAIR", "T2_FLAIR", "T2 FLAIR", "T2w-FLAIR"],
    pd: ["PD", "PDw", "DP"],
    mra: ["MRA", "TOF"],
    dwi: ["DWI"],
    adc: ["ADC"],
  };
  for (const [modality, names] of Object.entries(spellings)) {
    for (const name of names) assert.equal(modalityFromName(name), modality, name);
  }
  const none = ["CT", "MRI", "MR", "noNorm", "zscore", "T2*", "T2star", "SWI", "T1 FLAIR", "T1/T2", "T1增强", "T1+"];
  for (const name of [...none, "", "any", "t3", "toString", "__proto__"]) {
    assert.equal(modalityFromName(name), null, name);
  }
});
