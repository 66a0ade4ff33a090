/** Whether the labels of a data set exclude each other, so that one network output may be the background's. */
import type { Label } from "../../inference/mod.ts";
import { refuseSetting } from "./settings.ts";

/** A value of the label maps that belongs to two labels. */
export interface SharedValue {
  readonly names: readonly [string, string];
  readonly value: number;
}

/** The first value that two labels share, and with it voxels; null: they exclude each other. */
export function sharedValue(labels: readonly Pick<Label, "name" | "value" | "sourceValues">[]): SharedValue | null {
  const owner = new Map<number, string>();
  for (const { name, value, sourceValues = [value] } of labels) {
    for (const source of sourceValues) {
      const other = owner.get(source);
      if (other !== undefined) return { names: [other, name], value: source };
      owner.set(source, name);
    }
  }
  return null;
}

export interface ExclusiveContext {
  readonly task: "segmentation" | "classification";
  /** Of the data set. Absent: not known yet, they count as labels that share voxels. */
  readonly labels?: readonly Pick<Label, "name" | "value" | "sourceValues">[] | undefined;
  /** A kept head decides: true if it puts out one label a voxel. */
  readonly kept?: boolean | undefined;
}

/**
 * The setting for a data set. `auto`: two labels or more that exclude each other.
 * @throws {TrainingError} `invalid-recipe`: labels share a value, or a head that is kept says otherwise
 */
export function resolveExclusive(
  wished: boolean | "auto",
  { task, labels, kept }: ExclusiveContext,
): boolean {
  const refuse = (expected: string) => refuseSetting("fine-tune", ["exclusive"], { expected, got: wished });
  if (task === "classification") return wished === true ? refuse("false, because classes are no labels") : false;
  if (kept !== undefined) {
    return wished === "auto" || wished === kept ? kept : refuse(`${kept}, as the head that is kept has it`);
  }
  const shared = labels === undefined ? null : sharedValue(labels);
  if (wished !== true) return wished === "auto" && labels !== undefined && labels.length > 1 && shared === null;
  return shared === null
    ? true
    : refuse(`false, because ${shared.names.join(" and ")} share the value ${shared.value}`);
}
