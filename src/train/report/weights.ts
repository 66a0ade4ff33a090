/** What a fine-tune took from its base: tensors by key, channels and outputs by name. */

import type { ConstantReport } from "../../nets/mod.ts";
import type { ResolvedRecipe } from "../recipe/finetuning_settings.ts";

/** Entries of an axis by name: modalities, labels or classes. */
export interface NameReport {
  /** Start from the base's numbers for the same name. */
  readonly loaded: readonly string[];
  /** Start from the mean of the base's channels. */
  readonly averaged: readonly string[];
  readonly fresh: readonly string[];
  /** In the base, but not among the names here. */
  readonly dropped: readonly string[];
}

/** The use that was made of the base's weights; keys as in docs/method A. */
export interface WeightReport {
  /** Number of tensors; those with some fresh channels or outputs count. */
  readonly loaded: number;
  /** In the base, but with no place in the new network. */
  readonly dropped: readonly string[];
  /** Fresh in the new network. */
  readonly fresh: readonly string[];
  /** Of a base that answers by the mean of several networks: their number. The main one alone is the start. */
  readonly baseMembers?: number;
  /** Of an imported network: the constants that training changes, and those that stay, with the reason. */
  readonly constants?: ConstantReport;
  /** Of an imported network with open sizes: the result's are open too, or fixed for this reason. */
  readonly sizes?: "open" | { readonly fixed: string };
  readonly modalities: NameReport;
  /** Labels or classes. */
  readonly outputs: NameReport;
}

/** Sentences for users about modalities, labels and classes, and about the constants of an imported network. */
export function weightNotes(
  { modalities, outputs, constants, sizes, baseMembers }: WeightReport,
  { batchNorm, keepHead }: Pick<ResolvedRecipe, "batchNorm" | "keepHead">,
): string[] {
  const isFrozen = batchNorm === "frozen" && constants !== undefined && constants.statistics.length > 0;
  return [
    ...(keepHead ? ["The base continues as a whole, with its own decoder and head."] : []),
    ...(baseMembers === undefined ? [] : [
      `The base answers by the mean of ${baseMembers} networks; the start, and what it is compared with, is its final one.`,
    ]),
    `Input channels: ${sentence(modalities)}.`,
    `Outputs: ${sentence(outputs)}.`,
    ...(constants === undefined ? [] : constantNotes(constants)),
    ...(isFrozen ? ["BatchNormalizations of the base keep its running statistics."] : []),
    ...(sizes === undefined ? [] : [sizeNote(sizes)]),
  ];
}

function sizeNote(sizes: NonNullable<WeightReport["sizes"]>): string {
  return sizes === "open"
    ? "The network takes windows of other sizes too, as the base does."
    : `The base takes windows of any size, this network of one: ${sizes.fixed}.`;
}

/** Names shown of each group. */
const SHOWN = 3;

function constantNotes({ trained, statistics, kept, untied, tied }: ConstantReport): string[] {
  const few = (names: readonly string[]) =>
    `${names.slice(0, SHOWN).join(", ")}${names.length > SHOWN ? " and others" : ""}`;
  const stay = Object.entries(kept).map(([why, names]) => `${names.length} (${why}: ${few(names)})`);
  const parted = Object.keys(untied);
  return [
    `Constants of the network's file: ${trained.length} trained, ${statistics.length} running statistics; ` +
    `unchanged ${stay.length === 0 ? "none" : stay.join(", ")}.`,
    ...(parted.length === 0 ? [] : [`Equal numbers that the file stores once are weights apart now: ${few(parted)}.`]),
    ...(tied.length === 0 ? [] : [`Weights that several layers share, as in the file: ${few(tied)}.`]),
  ];
}

function sentence({ loaded, averaged, fresh, dropped }: NameReport): string {
  const parts: [readonly string[], string][] = [
    [loaded, "from the base"],
    [averaged, "from the mean of the base's channels"],
    [fresh, "fresh"],
    [dropped, "of the base dropped"],
  ];
  return parts.filter(([names]) => names.length > 0).map(([names, what]) => `${names.join(", ")} ${what}`).join("; ");
}
