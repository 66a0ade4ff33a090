/** A case's volumes in, a mask on one of their grids out. */
import { peakOfWork } from "../../engine/mod.ts";
import { voxelMl, voxelsOf, writeVolume } from "../../volume/mod.ts";
import { Border } from "../checks/border.ts";
import { Plausibility } from "../checks/plausibility.ts";
import { resultDoubts } from "../checks/result_checks.ts";
import { loudFirst } from "../checks/table.ts";
import { ModalityCheck } from "./modality_check.ts";
import { batchOf, withNetwork } from "../windows/loaded_network.ts";
import { logitsOnto } from "../windows/onto_grid.ts";
import { prepare } from "../prepare/preprocess.ts";
import { RUN_TIMEOUT_MS, windowBatch, windowRunner } from "../windows/sliding.ts";
import { cutOf } from "../activation/functions.ts";
import { OUTPUT_RECORDS } from "./outputs.ts";
import type { SegmentRequest, SegmentResult } from "../types.ts";

/**
 * Segments one case and writes `request.outPath`.
 * @throws {InferenceError} the volumes cannot be used, or the work was cancelled
 * @throws {EngineError} the device failed
 */
export async function segment(request: SegmentRequest): Promise<SegmentResult> {
  const { spec, engine, directory, signal, onProgress } = request;
  const clock = stopwatch();
  const check = new ModalityCheck(request), plausibility = new Plausibility();
  const prepared = await prepare({
    spec,
    images: request.images,
    reference: request.reference,
    templates: request.missing === "template" ? { directory } : undefined,
    directory,
    onVolume: (...read) => {
      plausibility.look(...read);
      check.look(...read);
    },
  });
  const preprocess = clock();
  const target = prepared.reference.grid, voxels = voxelsOf(target.sizeVox);
  const batch = windowBatch(engine.traits, { ...spec.inference, sizeVox: prepared.grid.sizeVox });
  const { perLabel, begin } = OUTPUT_RECORDS[request.output];
  const cut = cutOf(spec.inference.threshold), channels = spec.labels.length;
  const { windows, restoreMs: restore, counts, borders, data } = await withNetwork(
    engine,
    { directory, spec, batch },
    async (session) => {
      const { data, visit } = begin(spec, voxels), counts = new Float64Array(channels);
      const borders = spec.labels.map(() => new Border(target));
      const options = { ...spec.inference, batch: batchOf(session), channels, signal, onProgress, target };
      const done = await logitsOnto(windowRunner(session, RUN_TIMEOUT_MS), prepared, options, (voxel, logits) => {
        for (let c = 0; c < channels; c++) {
          if (!(logits[c] >= cut)) continue;
          counts[c]++;
          borders[c].add(voxel);
        }
        visit(voxel, logits);
      });
      return { ...done, counts, borders, data };
    },
  );
  const mismatches = await check.warnings();
  const infer = clock() - restore;
  const components = perLabel ? channels : undefined;
  await writeVolume(request.outPath, { data, grid: prepared.reference.header, components });
  const write = clock();
  const ml = voxelMl(target.affineRas);
  const labels = spec.labels.map(({ name, value }, c) => ({
    name,
    value,
    voxels: counts[c],
    volumeMl: counts[c] * ml,
  }));
  const doubts = resultDoubts(labels.map((label, c) => ({ ...spec.labels[c], ...label, border: borders[c].sides() })));
  return {
    provider: engine.provider,
    labels,
    windows,
    timingsMs: { read: prepared.readMs, preprocess: preprocess - prepared.readMs, infer, restore, write },
    peakBytes: await peakOfWork(engine),
    warnings: loudFirst([...prepared.warnings, ...plausibility.warnings(), ...mismatches, ...doubts]),
  };
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
