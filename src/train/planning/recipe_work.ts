/** The memory that a recipe asks for, by its sizes and by its network, before a case is read. */
import type { Graph } from "../../graph/mod.ts";
import { DEFAULT_BUDGET, inBytes } from "../../inference/mod.ts";
import { bytesOf } from "../../tensor/mod.ts";
import { type Triple, voxelsOf } from "../../volume/mod.ts";
import { TrainingError } from "../types.ts";

/** Samples are drawn ahead of the device: those of the update that runs, of the next one, and of the one being drawn. */
const UPDATES = 3;
/** A trained template has a value, two moments and a gradient, in the step's inputs, in its outputs and on the way. */
const TEMPLATE_COPIES = 10;

export interface SampleWork {
  /** Samples that are in memory for one update. */
  readonly samples: number;
  readonly roi: Triple;
  /** Channels, templates and labels of a sample. */
  readonly volumes: number;
  /** Templates that are trained. Default none. */
  readonly templates?: { readonly count: number; readonly sizeVox: Triple };
}

/** @throws {TrainingError} `invalid-recipe`: the samples or the templates would take more memory, with the figures */
export function checkSamples(
  verb: "fine-tune" | "pre-train",
  { samples, roi, volumes, templates }: SampleWork,
  memoryBytes: number = DEFAULT_BUDGET.memoryBytes,
): void {
  const refuse = (what: string, bytes: number) => {
    if (bytes <= memoryBytes) return;
    throw new TrainingError(
      "invalid-recipe",
      `Cannot ${verb}: ${what} would take about ${inBytes(bytes)} of memory, expected at most ${inBytes(memoryBytes)}`,
    );
  };
  const crops = 4 * voxelsOf(roi) * volumes * samples * UPDATES;
  refuse(`${samples} samples an update of ${volumes} volumes of ${roi.join("×")} voxels`, crops);
  if (templates === undefined) return;
  const { count, sizeVox } = templates;
  refuse(`${count} templates of ${sizeVox.join("×")} voxels`, 4 * voxelsOf(sizeVox) * count * TEMPLATE_COPIES);
}

/**
 * Refuses a network of which one operator alone would take more: its inputs or its output, which no form of a training
 * step can do without.
 * @throws {TrainingError} `invalid-recipe`, with the figures
 */
export function checkNetwork(
  { nodes, types }: Pick<Graph, "nodes" | "types">,
  { roi, memoryBytes = DEFAULT_BUDGET.memoryBytes }: {
    readonly roi: Triple;
    readonly memoryBytes?: number | undefined;
  },
): void {
  const sum = (names: readonly string[]) => {
    const known = [...new Set(names)].flatMap((name) => types.get(name) ?? []);
    return known.filter(({ shape }) => shape.every((d) => d >= 0)).reduce((bytes, type) => bytes + bytesOf(type), 0);
  };
  const least = nodes.reduce((most, { inputs, output }) => Math.max(most, sum(inputs), sum([output])), 0);
  if (least <= memoryBytes) return;
  throw new TrainingError(
    "invalid-recipe",
    `Cannot fine-tune: one operator of the network would take at least ${inBytes(least)} of memory for crops of ${
      roi.join("×")
    } voxels, expected at most ${inBytes(memoryBytes)}. Choose a smaller roi`,
  );
}
