/** Whether a network's probabilities mean what they say, on held-out patients. */
import {
  addProbability,
  brierScore,
  calibrationError,
  joined,
  reliability,
  type ReliabilityCounts,
} from "../../../metrics/mod.ts";
import type { CaseScore } from "../scores.ts";
import { BINS } from "../scoring/probabilities.ts";
import { labelNames, ofLabel } from "./patients.ts";

export interface Calibration {
  /** Of a label's voxels, or of the likeliest class of each case. */
  readonly of: string;
  /** Expected calibration error. */
  readonly error: number;
  /** Mean probability less the share that came true; positive: the network promises too much. */
  readonly excess: number;
  /** Voxels or cases counted. */
  readonly count: number;
  /** Share of the reference's voxels that the network gives less than the least probability counted. */
  readonly missed?: number;
  /** Of classes. */
  readonly brier?: number;
  readonly bins: readonly CalibrationBin[];
}

export interface CalibrationBin {
  /** Mean probability. */
  readonly probability: number;
  /** Share that came true. */
  readonly share: number;
  readonly count: number;
}

/** The sure background would hide every error: bins from 5 % on count. */
const FIRST_BIN = 1;
/** Bins of classes: cases are fewer than voxels. */
const CLASS_BINS = 10;

/** The calibration of each label's voxels. */
export function voxelCalibrations(scores: readonly CaseScore[]): Calibration[] {
  return labelNames(scores).flatMap((label) => {
    const counts = ofLabel(scores, label).flatMap(({ reliability }) => reliability === undefined ? [] : [reliability]);
    if (counts.length === 0) return [];
    const all = joined(counts, BINS), events = sum(all.events);
    const found = calibrationOf(label, all, FIRST_BIN);
    return found === null ? [] : [{ ...found, ...(events > 0 && { missed: all.events[0] / events }) }];
  });
}

/** The calibration of classes: of the likeliest one's probability, and the Brier score of all. */
export function classCalibrations(scores: readonly CaseScore[]): Calibration[] {
  const counted = scores.filter(({ unlearnt, probabilities }) => !unlearnt && probabilities !== undefined);
  const rows = counted.map((s) => s.probabilities!), actual = counted.map((s) => s.classIndex!);
  const bins = reliability(CLASS_BINS);
  for (const [i, row] of rows.entries()) {
    const most = Math.max(...row);
    addProbability(bins, most, row.indexOf(most) === actual[i]);
  }
  const found = calibrationOf("likeliest class", bins, 0);
  return found === null ? [] : [{ ...found, brier: brierScore(rows, actual) }];
}

function calibrationOf(of: string, counts: ReliabilityCounts, from: number): Calibration | null {
  const error = calibrationError(counts, { from });
  if (Number.isNaN(error)) return null;
  const bins = Array.from(counts.counts, (count, b) => ({
    probability: counts.sums[b] / count,
    share: counts.events[b] / count,
    count,
  })).slice(from).filter(({ count }) => count > 0);
  const count = sum(bins.map((bin) => bin.count));
  const excess = sum(bins.map((bin) => bin.count * (bin.probability - bin.share))) / count;
  return { of, error, excess, count, bins };
}

/** A sentence for users. */
export function calibrationNote({ of, error, excess, missed, brier, count }: Calibration): string {
  const side = Math.abs(excess) < 0.01 ? "on both sides" : excess > 0 ? "mostly too sure" : "mostly too unsure";
  const off = `off by ${error.toFixed(3)} on average (expected calibration error), ${side}`;
  if (brier !== undefined) {
    const cases = `${count} case${count === 1 ? "" : "s"}`;
    return `The probability of the ${of} is ${off}, over ${cases}; Brier score ${brier.toFixed(3)} (0 is best).`;
  }
  const rest = missed === undefined
    ? ""
    : `; ${Math.round(100 * missed)} % of the reference's voxels were given less than 5 %`;
  return `Probabilities of ${of}, in voxels of 5 % or more, are ${off}${rest}.`;
}

const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
