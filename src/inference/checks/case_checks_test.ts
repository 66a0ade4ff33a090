import assert from "node:assert/strict";
import { headFacts, tissueOf } from "../testing/facts.ts";
import { caseDoubts } from "./case_checks.ts";

Deno.test("caseDoubts() has none about modalities of one head", () => {
  const slab = headFacts({ foreground: tissueOf([150, 190, 20], [45, 25, 60]) });
  assert.deepEqual(caseDoubts({ t1: headFacts(), t2: headFacts(), flair: slab }), []);
});

Deno.test("caseDoubts() names two modalities that are the same image", () => {
  const t1 = headFacts();
  assert.deepEqual(caseDoubts({ t1, t2: headFacts(), t1c: { ...t1 } }), [{
    code: "same-image-twice",
    detail: "t1 and t1c are the same image, expected one of each; both were used; give each modality its own file",
  }]);
});

Deno.test("caseDoubts() names heads that barely overlap though their fields of view do", () => {
  const moved = headFacts({ foreground: tissueOf([150, 190, 140], [45, 145, 8]) });
  assert.deepEqual(caseDoubts({ t1: headFacts(), flair: moved }), [{
    code: "heads-apart",
    detail:
      "the heads in t1 and flair share 37 % of the smaller one's box, expected at least 50 %; both were used where " +
      "their headers place them; register them to each other, or check that they are of the same patient",
  }]);
  const whole = { ...moved, foreground: { ...moved.foreground, kind: "whole" as const } };
  assert.deepEqual(caseDoubts({ t1: headFacts(), flair: whole }), []);
});
