/** The benchmarks by name: one record each. */
import type { Engine } from "../../src/engine/mod.ts";
import { draws } from "./draws.ts";
import type { Row } from "./measure.ts";
import { peakProduct } from "./peak.ts";
import { EDGE_NET, forward, sliding, UNET3D, UNIUNET } from "./networks.ts";
import { trainStep } from "./steps.ts";
import { largeVolume, uniunetVolume, wholeVolume } from "./volumes.ts";

export interface Bench {
  /** Measures one row. `data` is the folder of a real patient's volumes. */
  readonly run: (engine: Engine, { name, data }: { name: string; data: string }) => Promise<Row>;
  /** Takes many minutes: measured with `--full`, or when asked for by its name. */
  readonly isLong?: boolean;
}

export const BENCHES: Readonly<Record<string, Bench>> = {
  "uniunet-forward-64": { run: (e, { name }) => forward(e, { name, spec: UNIUNET, size: 64 }) },
  "uniunet-forward-64-plain": { run: (e, { name }) => forward(e, { name, spec: UNIUNET, size: 64, plain: true }) },
  "uniunet-forward-96": { run: (e, { name }) => forward(e, { name, spec: UNIUNET, size: 96 }) },
  "uniunet-forward-96-plain": { run: (e, { name }) => forward(e, { name, spec: UNIUNET, size: 96, plain: true }) },
  "unet3d-forward-96": { run: (e, { name }) => forward(e, { name, spec: UNET3D, size: 96 }) },
  "edge-forward-64": { run: (e, { name }) => forward(e, { name, spec: EDGE_NET, size: 64 }) },
  "edge-step-64": { run: (e, { name }) => trainStep(e, { name, spec: EDGE_NET, size: 64, runs: 6 }) },
  "edge-step-64-single": { run: (e, { name }) => trainStep(e, { name, spec: EDGE_NET, size: 64, runs: 6, views: 1 }) },
  "uniunet-step-64": { run: (e, { name }) => trainStep(e, { name, spec: UNIUNET, size: 64, runs: 5 }) },
  "edge-step-64-plain": {
    isLong: true,
    run: (e, { name }) => trainStep(e, { name, spec: EDGE_NET, size: 64, runs: 6, plain: true }),
  },
  "uniunet-step-64-plain": {
    isLong: true,
    run: (e, { name }) => trainStep(e, { name, spec: UNIUNET, size: 64, runs: 3, plain: true }),
  },
  "peak-product": { isLong: true, run: (e, { name }) => peakProduct(e, { name }) },
  "uniunet-step-64-in-2-gb": {
    run: (e, { name }) => trainStep(e, { name, spec: UNIUNET, size: 64, runs: 3, budgetGb: 2 }),
  },
  "draws-48": { run: (_, { name }) => draws({ name, size: 48, channels: 1 }) },
  "draws-48-four-modalities": { run: (_, { name }) => draws({ name, size: 48, channels: 4 }) },
  "draws-64": { run: (_, { name }) => draws({ name, size: 64, channels: 1 }) },
  "draws-64-four-modalities": { run: (_, { name }) => draws({ name, size: 64, channels: 4 }) },
  "edge-volume-1x": { run: (e, { name }) => sliding(e, { name, sizeVox: [96, 96, 96] }) },
  "edge-volume-2x": { run: (e, { name }) => sliding(e, { name, sizeVox: [192, 96, 96] }) },
  "edge-volume-4x": { run: (e, { name }) => sliding(e, { name, sizeVox: [192, 192, 96] }) },
  "ms-lesion-volume": { run: wholeVolume },
  "large-volume-30-labels": { isLong: true, run: (e, { name }) => largeVolume(e, { name }) },
  "uniunet-volume": { isLong: true, run: uniunetVolume },
  "uniunet-step-96": { isLong: true, run: (e, { name }) => trainStep(e, { name, spec: UNIUNET, size: 96, runs: 2 }) },
  "uniunet-step-96-in-5-gb": {
    isLong: true,
    run: (e, { name }) => trainStep(e, { name, spec: UNIUNET, size: 96, runs: 2, budgetGb: 5 }),
  },
};
