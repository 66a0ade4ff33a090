import assert from "node:assert/strict";
import { caseQuality } from "./case_quality.ts";
import { Tally } from "./tally.ts";

Deno.test("caseQuality() speaks of no score and no interval where nothing was found", () => {
  const fit = { patients: 9, intercept: 0, slope: 1, spread: 0.3 };
  const usual = { median: 0, spread: 0.1, least: 0, greatest: 0.1 };
  const images = { cases: 50, facts: [{ of: "t1", values: { q50: usual } }] };
  const facts = [{ of: "t1", values: { q50: 40 } }];
  const labels = [{ name: "lesion" }];
  const reasonsOf = (isFound: boolean, quality: Parameters<typeof caseQuality>[1]["quality"]) => {
    const tally = new Tally(1, 0);
    tally.add(new Float32Array([0.9]), new Uint8Array([0]), isFound ? 1 : 0);
    const { score, interval, reasons } = caseQuality(tally, { labels, facts, isUnlike: true, quality });
    assert.deepEqual([score !== null, interval !== undefined], [isFound, isFound && quality?.fit !== undefined]);
    return reasons.join(" ");
  };
  for (const quality of [{ fit, images }, { images }]) {
    assert.match(reasonsOf(true, quality), /which lowers the score.*(makes the interval wider|only compares answers)/);
    const none = reasonsOf(false, quality);
    assert.match(
      none,
      /^The contrast is unlike that of the training\. No voxel was found for lesion: there is no score\./,
    );
    assert.doesNotMatch(none, /interval|the score|Not calibrated/);
  }
});
