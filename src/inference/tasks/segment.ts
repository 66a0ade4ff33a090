/** A case's volumes in, a mask on the first volume's grid out. */
import { spacingOf, voxelsOf, writeVolume } from "../../volume/mod.ts";
import { ModalityCheck } from "./modality_check.ts";
import { batchOf, withNetwork } from "../windows/loaded_network.ts";
import { prepare } from "../prepare/preprocess.ts";
import { RUN_TIMEOUT_MS, slidingLogits, windowBatch, windowRunner } from "../windows/sliding.ts";
import { OUTPUT_RECORDS, regionsOf } from "./outputs.ts";
import type { SegmentRequest, SegmentResult } from "../types.ts";

/**
 * Segments one case and writes `request.outPath`.
 * @throws {InferenceError} the volumes cannot be used, or the work was cancelled
 * @throws {EngineError} the device failed
 */
export async function segment(request: SegmentRequest): Promise<SegmentResult> {
  const { spec, engine, directory } = request;
  const clock = stopwatch();
  const check = new ModalityCheck(request);
  const prepared = await prepare({
    spec,
    images: request.images,
    templates: request.missing === "template" ? { directory } : undefined,
    onVolume: check.look,
  });
  const preprocess = clock();
  const { sizeVox: preparedSize } = prepared.grid;
  const batch = windowBatch(engine.traits, { ...spec.inference, sizeVox: preparedSize });
  const { logits, windows } = await withNetwork(engine, { directory, spec, batch }, (session) =>
    slidingLogits(
      windowRunner(session, RUN_TIMEOUT_MS),
      { inputs: prepared.channels, sizeVox: preparedSize },
      {
        ...spec.inference,
        batch: batchOf(session),
        channels: spec.labels.length,
        signal: request.signal,
        onProgress: request.onProgress,
      },
    ));
  const mismatches = await check.warnings();
  const infer = clock();
  const placed = { logits, channels: spec.labels.length, grid: prepared.grid };
  const regions = regionsOf(placed, spec);
  const { perLabel, make } = OUTPUT_RECORDS[request.output];
  const data = make({ placed, spec, regions });
  const restore = clock();
  const { header, sizeVox, affineRas } = prepared.reference;
  const components = perLabel ? spec.labels.length : undefined;
  await writeVolume(request.outPath, { data, grid: header, components });
  const write = clock();
  const voxelMl = spacingOf(affineRas).reduce((v, s) => v * s, 1) / 1000;
  const voxels = voxelsOf(sizeVox);
  return {
    provider: engine.provider,
    labels: spec.labels.map(({ name, value }, c) => {
      const count = regions.subarray(c * voxels, (c + 1) * voxels).reduce((n, v) => n + v, 0);
      return { name, value, voxels: count, volumeMl: count * voxelMl };
    }),
    windows,
    timingsMs: { read: prepared.readMs, preprocess: preprocess - prepared.readMs, infer, restore, write },
    peakBytes: await engine.peakBytes(),
    warnings: [...prepared.warnings, ...mismatches],
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
