/**
 * Names and layout of weights in official BrainMVP checkpoints. Not a file format.
 *
 * **Axes.** The official UniFormer permutes volumes [N, C, X, Y, Z] → [N, C, Z, X, Y] and returns features in that order;
 * its decoders permute back. Here everything stays in X, Y, Z. So an import transposes the kernels that see permuted
 * volumes (the record's `permuted`) from (Z, X, Y) to (X, Y, Z), and an export transposes them back. Official features
 * compare after the same transposition. UNET3D has no permutation.
 */
import { allocate, type DType, sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";
import { familyOf, type NetworkKind, type NetworkSpec } from "../families/families.ts";
import { TEMPLATE_KEY } from "../families/family.ts";
import { counterBeside } from "../layers/scope.ts";
import { parametersOf } from "../network.ts";
import { plainKey } from "./identify.ts";

/** The place of a tensor: a network's kind and a key of its state dictionary, official or plain. */
export interface Place {
  readonly kind: NetworkKind;
  readonly key: string;
}

const isPermuted = ({ shape }: Tensor, { kind, key }: Place) =>
  shape.length === 5 && (familyOf(kind).checkpoint?.permuted.test(plainKey(key)) ?? false);

/** Moves the last axis before the other two spatial ones: [A, B, X, Y, Z] → [A, B, Z, X, Y]. */
export function toOfficialAxes(t: Tensor): Tensor {
  return moveAxis(t, ([x, y, z]) => ({ shape: [z, x, y], at: (i, j, k) => (k * x + i) * y + j }));
}

/** The inverse of `toOfficialAxes()`. */
export function fromOfficialAxes(t: Tensor): Tensor {
  return moveAxis(t, ([z, x, y]) => ({ shape: [x, y, z], at: (k, i, j) => (i * y + j) * z + k }));
}

/** An official weight in the layout of `nets/`; returns tensors without spatial axes unchanged. */
export function fromOfficialLayout(t: Tensor, place: Place): Tensor {
  return isPermuted(t, place) ? fromOfficialAxes(t) : t;
}

/** The inverse of `fromOfficialLayout()`. */
export function toOfficialLayout(t: Tensor, place: Place): Tensor {
  return isPermuted(t, place) ? toOfficialAxes(t) : t;
}

type Move = (spatial: readonly number[]) => {
  readonly shape: readonly number[];
  /** Offset in the result of the element at these source coordinates. */
  readonly at: (i: number, j: number, k: number) => number;
};

function moveAxis(t: Tensor, move: Move): Tensor {
  const [a, b, ...size] = t.shape;
  if (size.length !== 3) throw new RangeError(`Cannot permute axes: expected [A, B, X, Y, Z], got [${t.shape}]`);
  const { shape, at } = move(size);
  const source = t.data, moved = allocate(t.dtype, source.length);
  const block = sizeOf(size);
  let from = 0;
  for (let base = 0; base < source.length; base += block) {
    for (let i = 0; i < size[0]; i++) {
      for (let j = 0; j < size[1]; j++) {
        for (let k = 0; k < size[2]; k++) moved[base + at(i, j, k)] = source[from++];
      }
    }
  }
  return tensor(t.dtype, [a, b, ...shape], moved);
}

/** One entry of an official state dictionary. */
export interface OfficialEntry {
  /** The key in an official file, without `module.`. */
  readonly officialKey: string;
  /** The key in `nets/`; null for entries that networks here do not have: counters of BatchNormalization, templates. */
  readonly key: string | null;
  readonly dtype: DType;
  /** In the official layout; kernels are cubic, so their shape is the same in both. */
  readonly shape: readonly number[];
  readonly idle: boolean;
}

/**
 * Every entry that the official state dictionary of this network holds (docs/method A.1.3, A.2, A.3), sorted as ASCII.
 * Pre-training checkpoints hold a template of shape [modalities, …] besides.
 */
export function officialEntries(
  spec: NetworkSpec,
  { template }: { readonly template?: readonly number[] } = {},
): OfficialEntry[] {
  const { checkpoint } = familyOf(spec.kind);
  const rename = (key: string) => checkpoint?.officialKey(key, spec.kind) ?? key;
  const entries = parametersOf(spec).flatMap(({ key, shape, idle }): OfficialEntry[] => {
    const entry: OfficialEntry = { officialKey: rename(key), key, dtype: "float32", shape, idle };
    if (!key.endsWith(".running_var")) return [entry];
    const counter = counterBeside(entry.officialKey);
    return [entry, { officialKey: counter, key: null, dtype: "int64", shape: [], idle }];
  });
  if (template !== undefined) {
    entries.push({ officialKey: TEMPLATE_KEY, key: null, dtype: "float32", shape: template, idle: false });
  }
  return entries.sort((a, b) => (a.officialKey < b.officialKey ? -1 : 1));
}
