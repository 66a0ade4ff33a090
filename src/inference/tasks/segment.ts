/** A case's volumes in, a mask on one of their grids out. */
import { peakOfWork } from "../../engine/mod.ts";
import { voxelMl, voxelsOf, writeVolume } from "../../volume/mod.ts";
import { Border } from "../checks/border.ts";
import { Plausibility } from "../checks/plausibility.ts";
import { resultDoubts } from "../checks/result_checks.ts";
import { trainingDoubts } from "../checks/training_checks.ts";
import { loudFirst } from "../checks/table.ts";
import { ModalityCheck } from "./modality_check.ts";
import { batchOf, precisionWarnings, withNetwork } from "../windows/loaded_network.ts";
import { logitsOnto } from "../windows/onto_grid.ts";
import { DEFAULT_BUDGET } from "../budget.ts";
import { networkBytesOf } from "../work/request_work.ts";
import { prepare, type Prepared } from "../prepare/preprocess.ts";
import type { Modality } from "../modalities.ts";
import { type ImageFacts, imageFacts } from "../quality/image_facts.ts";
import { RUN_TIMEOUT_MS, windowRunner } from "../windows/run_window.ts";
import { windowBatch } from "../windows/sliding.ts";
import { activationDoubt, segmentationRecord, slidingSettings } from "../activation/segmentation.ts";
import { caseQuality, withoutProbabilities } from "../quality/case_quality.ts";
import { answerReader, furtherPasses } from "./answer.ts";
import { checkOutput, OUTPUT_RECORDS } from "./outputs.ts";
import { postprocess } from "./postprocess.ts";
import { Regions } from "./regions.ts";
import type { SegmentRequest, SegmentResult } from "../types.ts";

/**
 * Segments one case and writes `request.outPath`.
 * @throws {InferenceError} the volumes cannot be used, or the work was cancelled
 * @throws {EngineError} the device failed
 */
export async function segment(request: SegmentRequest): Promise<SegmentResult> {
  const { spec, engine, directory, signal, onProgress, budget: { seconds } = DEFAULT_BUDGET } = request;
  checkOutput(request.output, spec);
  const clock = stopwatch();
  const check = new ModalityCheck(request), plausibility = new Plausibility();
  const prepared = await prepare({
    spec,
    images: request.images,
    reference: request.reference,
    templates: request.missing === "template" ? { directory } : undefined,
    directory,
    output: request.output,
    networkBytes: await networkBytesOf(directory),
    budget: request.budget,
    onVolume: (...read) => {
      plausibility.look(...read);
      check.look(...read);
    },
  });
  const images = spec.quality?.images, facts = images === undefined ? [] : factsOfGiven(request, prepared);
  const preprocess = clock();
  const target = prepared.reference.grid, voxels = voxelsOf(target.sizeVox);
  const batch = windowBatch(engine.traits, { ...spec.inference, sizeVox: prepared.grid.sizeVox });
  const { perLabel, begin } = OUTPUT_RECORDS[request.output];
  const record = segmentationRecord(spec.inference), passes = furtherPasses(spec, request.quality);
  const { labels: { length: channels }, inference: { postprocessing: steps = [] } } = spec;
  const ml = voxelMl(target.affineRas);
  const { restoreMs: restore, counts, borders, data, tally, ...run } = await withNetwork(
    engine,
    { directory, spec, batch },
    async (session) => {
      const { data, mark, weigh } = begin(spec, voxels), counts = new Float64Array(channels);
      const borders = spec.labels.map(() => new Border(target));
      const found = new Uint8Array(channels);
      const take = (voxel: number, found: Uint8Array, count: number) => {
        for (let i = 0; i < count; i++) {
          counts[found[i]]++;
          borders[found[i]].add(voxel);
        }
        mark?.(voxel, found, count);
      };
      // masks are kept only where they are changed as a whole before they are taken
      const regions = steps.length === 0 ? null : new Regions(voxels, channels);
      const keep = (voxel: number, found: Uint8Array, count: number) => {
        for (let i = 0; i < count; i++) regions!.add(voxel, found[i]);
      };
      const { visit, tally } = answerReader({
        spec,
        passes: passes.length,
        take: regions === null ? take : keep,
        weigh,
      });
      const options = {
        ...slidingSettings(spec),
        batch: batchOf(session),
        signal,
        onProgress,
        target,
        passes,
        seconds,
      };
      const done = await logitsOnto(windowRunner(session, RUN_TIMEOUT_MS), prepared, options, visit);
      if (regions !== null) {
        const options = { sizeVox: target.sizeVox, voxelMl: ml, exclusive: record.exclusive, steps };
        postprocess(regions, { ...options, labels: spec.labels });
        for (let v = 0; v < voxels; v++) take(v, found, regions.regionsOf(v, found));
      }
      return { ...done, counts, borders, data, tally };
    },
  );
  const mismatches = await check.warnings();
  const infer = clock() - restore;
  const components = perLabel ? channels : undefined;
  await writeVolume(request.outPath, { data, grid: prepared.reference.header, components });
  const write = clock();
  const labels = spec.labels.map(({ name, value }, c) => ({
    name,
    value,
    voxels: counts[c],
    volumeMl: Number((counts[c] * ml).toPrecision(12)),
  }));
  const doubts = resultDoubts(labels.map((label, c) => ({ ...spec.labels[c], ...label, border: borders[c].sides() })));
  const unlike = images === undefined ? [] : trainingDoubts(facts, images);
  const misread = activationDoubt(record, run);
  if (misread !== null) doubts.unshift({ code: "activation-doubtful", detail: misread });
  return {
    provider: engine.provider,
    labels,
    windows: run.windows,
    timingsMs: { read: prepared.readMs, preprocess: preprocess - prepared.readMs, infer, restore, write },
    peakBytes: await peakOfWork(engine),
    warnings: loudFirst([
      ...prepared.warnings,
      ...plausibility.warnings(),
      ...mismatches,
      ...unlike,
      ...doubts,
      ...precisionWarnings(engine, directory),
    ]),
    quality: tally === null
      ? withoutProbabilities(spec.labels)
      : caseQuality(tally, { ...spec, facts, isUnlike: unlike.length > 0 }),
  };
}

/** The facts of the images that were given: a template in the place of a missing one says nothing. */
function factsOfGiven({ spec: { modalities }, images }: SegmentRequest, prepared: Prepared): ImageFacts[] {
  const isGiven = (name: Modality) => images[name] !== undefined;
  const given = modalities.filter(isGiven), channels = prepared.channels.filter((_, c) => isGiven(modalities[c]));
  return imageFacts({ ...prepared, channels }, given);
}

/** Milliseconds since the last call. */
export function stopwatch(): () => number {
  let last = performance.now();
  return () => {
    const now = performance.now(), passed = now - last;
    last = now;
    return Math.round(passed);
  };
}
