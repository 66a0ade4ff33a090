/** From the tensors of a weight file to the weights of a network, and back. Not the reading of files. */
import { isFloatType, quoted, sameShape, type StoredTensor, type Tensor, tensor, toFloat32 } from "../../tensor/mod.ts";
import { familyOf, kindOf, type NetworkKind, type NetworkSpec } from "../families/families.ts";
import { type Shapes, TEMPLATE_KEY } from "../families/family.ts";
import { parametersOf } from "../network.ts";
import { initialTensor, isCounter, type Weights } from "../layers/scope.ts";
import { plainKey } from "./identify.ts";
import { fromOfficialLayout, officialEntries, type OfficialEntry, type Place, toOfficialLayout } from "./layout.ts";

/** The use of a file's keys, as `plainKey()` writes them. */
export interface LoadPlan {
  readonly loaded: readonly string[];
  readonly dropped: readonly { readonly key: string; readonly why: string }[];
  /** Keys that the network has and the file lacks, without counters. */
  readonly missing: readonly string[];
}

/** Reports whether networks of this kind are bases of others and answer nothing by themselves. */
export const isEncoderKind = (kind: NetworkKind): boolean => kindOf(kind).task === "encoder";

/** Reports whether a key is of the encoder's convolution of the image, whose input channels are the modalities. */
export function isFirstKernel({ kind, key }: Place): boolean {
  return familyOf(kind).checkpoint?.firstKernel.test(key) ?? false;
}

/** Reports whether a network made from an encoder starts this weight afresh although the encoder has it. */
export function isFreshDownstream({ kind, key }: Place): boolean {
  return familyOf(kind).checkpoint?.freshDownstream.test(key) ?? false;
}

/** Reports whether a network of pre-training has this weight in its decoder. */
export function isDecoder({ kind, key }: Place): boolean {
  return familyOf(kind).checkpoint?.decoder?.test(key) ?? false;
}

/** Reports whether the weight belongs to a head that only training uses. */
export function isOfTraining({ kind, key }: Place): boolean {
  return familyOf(kind).checkpoint?.trainingHeads.test(key) ?? false;
}

/**
 * The keys that the network `to` takes from a file of the network `from` with these shapes. Templates are the caller's.
 * @throws {RangeError} a tensor has another shape than the network
 */
export function planLoading(shapes: Shapes, { from, to }: { from: NetworkSpec; to: NetworkSpec }): LoadPlan {
  const entries = new Map(officialEntries(to).map((entry) => [plainKey(entry.officialKey), entry]));
  const { repeated } = familyOf(from.kind).checkpoint ?? {};
  const isDownstream = isEncoderKind(from.kind) && !isEncoderKind(to.kind);
  const loaded: string[] = [], dropped: { key: string; why: string }[] = [];
  for (const [key, shape] of shapes) {
    if (key === TEMPLATE_KEY) continue;
    const entry = entries.get(key);
    const why = isDownstream && isFreshDownstream({ kind: from.kind, key })
      ? "starts afresh in a network made from an encoder"
      : entry === undefined
      ? repeated?.test(key) ? "is stored under another key too" : "has no place in this network"
      : entry.idle
      ? "was never trained"
      : null;
    if (why !== null) dropped.push({ key, why });
    else if (sameShape(entry!.shape, shape)) loaded.push(key);
    else {
      throw new RangeError(`Cannot load ${to.kind}: expected ${key} of shape [${entry!.shape}], got [${shape}]`);
    }
  }
  const taken = new Set(loaded);
  const missing = [...entries].filter(([key, { key: own, idle }]) => own !== null && !idle && !taken.has(key));
  return { loaded, dropped, missing: missing.map(([key]) => key) };
}

/** Tensors under their plain keys. @throws {TypeError} two keys mean the same tensor */
export function withPlainKeys(tensors: ReadonlyMap<string, StoredTensor>): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  for (const [key, stored] of tensors) {
    const plain = plainKey(key);
    if (found.has(plain)) throw new TypeError(`Cannot load weights: two keys mean ${quoted(plain)}`);
    found.set(plain, stored);
  }
  return found;
}

/**
 * The weights of `to`, in the layout of `nets/`: those of the plan from `tensors`, the others fresh from `seed`.
 * @throws {TypeError} a weight is no float
 * @throws {RangeError} a weight is not finite
 */
export function weightsOf(
  tensors: ReadonlyMap<string, StoredTensor>,
  { to, plan, seed }: { to: NetworkSpec; plan: LoadPlan; seed: number },
): Map<string, Tensor> {
  const loaded = new Set(plan.loaded);
  return new Map(
    parametersOf(to).filter((p) => !p.idle).map((parameter) => {
      const { key } = parameter;
      const weight = loaded.has(key)
        ? fromOfficialLayout(finiteFloats(key, tensors.get(key)!), { kind: to.kind, key })
        : initialTensor(parameter, seed);
      return [key, weight];
    }),
  );
}

/** @throws {TypeError | RangeError} naming the key */
export function finiteFloats(key: string, stored: StoredTensor): Tensor {
  if (!isFloatType(stored.dtype)) throw new TypeError(`Cannot load ${key}: expected floats, got ${stored.dtype}`);
  const t = toFloat32(stored);
  if (!(t.data as Float32Array).every(Number.isFinite)) {
    throw new RangeError(`Cannot load ${key}: expected finite numbers in the range of float32`);
  }
  return t;
}

/** The number of batches that the file's BatchNormalizations have seen; null where it has no counters or they differ. */
export function batchesTracked(tensors: ReadonlyMap<string, StoredTensor>): number | null {
  const counters = [...tensors].filter(([key, t]) => isCounter(key) && t.dtype === "int64");
  const values = new Set(counters.map(([, { bytes }]) => new BigInt64Array(bytes.slice().buffer)[0]));
  const [value] = values;
  return values.size === 1 && value >= 0n && value <= Number.MAX_SAFE_INTEGER ? Number(value) : null;
}

export interface OfficialStateOptions {
  /** Templates [modalities, X, Y, Z]. */
  readonly template?: Tensor;
  /** The value of the counters of BatchNormalization. */
  readonly batchesTracked?: number;
}

/**
 * A network's weights as an official state dictionary: keys and axes of docs/method A.1.3, A.2, A.3, in ASCII order.
 * Entries without a weight are left out: heads that only training uses, and entries that official files hold untrained.
 */
export function officialState(
  spec: NetworkSpec,
  weights: Weights,
  { template, batchesTracked = 0 }: OfficialStateOptions = {},
): Map<string, Tensor> {
  const counter = tensor("int64", [], [batchesTracked]);
  const valueOf = ({ officialKey, key }: OfficialEntry): Tensor | undefined => {
    if (officialKey === TEMPLATE_KEY) return template;
    if (key === null) return counter;
    const weight = weights.get(key);
    return weight && toOfficialLayout(weight, { kind: spec.kind, key });
  };
  return new Map(
    officialEntries(spec, { template: template?.shape }).flatMap((entry) => {
      const value = valueOf(entry);
      return value === undefined ? [] : [[entry.officialKey, value] as const];
    }),
  );
}
