/**
 * Reads the tensors of an archive that PyTorch's `torch.save` wrote: a pickle, `data.pkl`, and raw storages, `data/0`, ….
 * It runs nothing of the file. Not a reader of TorchScript or of files from before PyTorch 1.6.
 * Source: PyTorch, torch/serialization.py and torch/_utils.py.
 */
import {
  quoted,
  shapeFault,
  sizeOf,
  STORED_BYTES,
  type StoredTensor,
  type StoredType,
  TENSOR_LIMITS,
  type TensorLimits,
} from "../../tensor/mod.ts";
import { PICKLE_LIMITS, unpickle } from "./pickle.ts";
import { plainJson } from "./plain_values.ts";
import { Opaque, PickleDict, PickleGlobal, PickleList, PickleTuple, type PickleValue } from "./pickle_values.ts";

/** The files of a checked zip archive. */
export interface Archive {
  /** Sizes of its files by name. */
  readonly entries: ReadonlyMap<string, number>;
  read(name: string): Promise<Uint8Array>;
}

/** Storage classes of PyTorch. */
const STORAGES: Readonly<Record<string, StoredType>> = {
  DoubleStorage: "float64",
  FloatStorage: "float32",
  HalfStorage: "float16",
  BFloat16Storage: "bfloat16",
  LongStorage: "int64",
  IntStorage: "int32",
  ShortStorage: "int16",
  CharStorage: "int8",
  ByteStorage: "uint8",
  BoolStorage: "bool",
};

/** A file of the archive as a row of `count` elements. */
class Storage {
  constructor(readonly entry: string, readonly dtype: StoredType, readonly count: number) {}
}

/** A view of a storage; `offset` and `strides` in elements. */
class TensorView {
  constructor(
    readonly storage: Storage,
    readonly offset: number,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
  ) {}
}

function refuse(why: string): never {
  throw new TypeError(`Cannot read the PyTorch file: ${why}`);
}
function damaged(why: string): never {
  throw new SyntaxError(`Cannot read the PyTorch file: ${why}`);
}
function tooMuch(why: string): never {
  throw new RangeError(`Cannot read the PyTorch file: ${why}`);
}

/** The entries that trainers keep the state dictionary in: most of them, and nnU-Net. */
const STATE_ENTRIES = ["state_dict", "network_weights"] as const;

/** Entries of a file beside its state dictionary that say how the network is used (nnU-Net). */
const SETTING_ENTRIES = ["init_args", "trainer_name", "inference_allowed_mirroring_axes"] as const;

export interface TorchFile {
  /** By key, in the file's order. */
  readonly tensors: Map<string, StoredTensor>;
  /** The JSON of each of the file's settings. */
  readonly settings: Readonly<Record<string, string>>;
}

/**
 * The tensors of the file's state dictionary: those of its entry `state_dict` or `network_weights`, or of the whole file.
 * It skips optimizer state and the like.
 * @throws {SyntaxError | TypeError | RangeError} damaged, refused, beyond `limits`
 */
export async function readTorchFile(archive: Archive, limits: TensorLimits = TENSOR_LIMITS): Promise<TorchFile> {
  const { prefix, pickle } = await openArchive(archive);
  const root = unpickle(pickle, {
    globals: globalsOf(limits),
    persistent: (id) => storageOf(id, { archive, prefix }),
  });
  const tensors = await readViews(stateDict(root, limits), archive, limits);
  return { tensors, settings: settingsOf(root) };
}

function settingsOf(root: PickleValue): Record<string, string> {
  if (!(root instanceof PickleDict)) return {};
  const found = SETTING_ENTRIES.flatMap((name) => {
    const value = root.entries.get(name);
    return value === undefined ? [] : [[name, plainJson(value)] as const];
  });
  return Object.fromEntries(found);
}

async function openArchive(archive: Archive): Promise<{ prefix: string; pickle: Uint8Array }> {
  const names = [...archive.entries.keys()];
  const pickles = names.filter((name) => /^([^/]+\/)?data\.pkl$/.test(name));
  if (pickles.length !== 1) refuse(`expected one data.pkl in its zip, got ${pickles.length}`);
  const size = archive.entries.get(pickles[0])!;
  if (size > PICKLE_LIMITS.bytes) tooMuch(`expected a data.pkl of at most ${PICKLE_LIMITS.bytes} bytes, got ${size}`);
  const prefix = pickles[0].slice(0, -"data.pkl".length);
  if (names.some((name) => name.startsWith(`${prefix}code/`))) {
    refuse("it is a TorchScript program: save its state_dict() by torch.save instead");
  }
  const orderBytes = archive.entries.get(`${prefix}byteorder`); // "little" or "big"; old files have none
  if (orderBytes !== undefined) {
    const order = orderBytes > 20 ? "" : new TextDecoder().decode(await archive.read(`${prefix}byteorder`));
    if (order !== "little") refuse(`expected numbers in little-endian order, got ${quoted(order)}`);
  }
  return { prefix, pickle: await archive.read(pickles[0]) };
}

/** The names that tensors and the usual surroundings of a state dictionary need. None of them runs code of the file. */
const globalsOf = (limits: TensorLimits): PickleGlobal[] => [
  ...Object.keys(STORAGES).map((name) => new PickleGlobal("torch", name)),
  new PickleGlobal("torch._utils", "_rebuild_tensor_v2", (args) => viewOf(args, limits)),
  new PickleGlobal("torch._utils", "_rebuild_parameter", ([tensor = null]) => tensor),
  new PickleGlobal("torch", "Size", (args) => args[0] instanceof PickleTuple ? args[0] : refuse("a size is no tuple")),
  new PickleGlobal("collections", "OrderedDict", orderedDict),
  // A best loss or score is often a number of NumPy.
  new PickleGlobal("numpy", "dtype", () => new Opaque()),
  ...["numpy.core.multiarray", "numpy._core.multiarray"].map((m) => new PickleGlobal(m, "scalar", () => new Opaque())),
  new PickleGlobal("_codecs", "encode", () => new Opaque()),
  // The device that a trainer ran on stands among its settings.
  new PickleGlobal("torch", "device", () => new Opaque()),
];

/** `OrderedDict()`, or `OrderedDict([[key, value], …])`. */
function orderedDict(args: readonly PickleValue[]): PickleDict {
  const dict = new PickleDict();
  const [pairs = new PickleTuple([])] = args;
  if (!(pairs instanceof PickleList || pairs instanceof PickleTuple)) refuse("an OrderedDict is made of no list");
  for (const pair of pairs.items) {
    const items = pair instanceof PickleList || pair instanceof PickleTuple ? pair.items : [];
    if (items.length !== 2) refuse("an OrderedDict is made of something other than pairs");
    dict.set(items[0], items[1]);
  }
  return dict;
}

/** The persistent id `("storage", class, key, location, count)`. */
function storageOf(id: PickleValue, { archive, prefix }: { archive: Archive; prefix: string }): Storage {
  const [kind, type, key, , count] = id instanceof PickleTuple ? id.items : [];
  if (kind !== "storage" || !(type instanceof PickleGlobal) || typeof key !== "string" || !isCount(count)) {
    refuse("it refers to something outside that is no storage");
  }
  const dtype = Object.hasOwn(STORAGES, type.name) ? STORAGES[type.name] : refuse(`${type.name} is no storage`);
  const entry = `${prefix}data/${key}`;
  const bytes = archive.entries.get(entry);
  if (bytes === undefined) damaged(`its storage ${quoted(key)} is missing`);
  const expected = count * STORED_BYTES[dtype];
  if (bytes !== expected) {
    damaged(`expected ${expected} bytes in storage ${quoted(key)} (${count} of ${dtype}), got ${bytes}`);
  }
  return new Storage(entry, dtype, count);
}

const isCount = (v: unknown): v is number => Number.isSafeInteger(v) && (v as number) >= 0;

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks)`. */
function viewOf([storage, offset, size, stride]: readonly PickleValue[], limits: TensorLimits): TensorView {
  if (!(storage instanceof Storage)) refuse("a tensor has no storage");
  if (!(size instanceof PickleTuple && stride instanceof PickleTuple)) refuse("a tensor has no size or strides");
  const [shape, strides] = [size.items, stride.items];
  const fault = shapeFault(shape, limits);
  if (fault !== null) damaged(`a tensor has ${fault}`);
  if (!isCount(offset) || strides.length !== shape.length || !strides.every(isCount)) {
    damaged("a tensor's strides or offset are no whole numbers ≥ 0, one for each axis");
  }
  const view = new TensorView(storage, offset, shape as number[], strides);
  const count = sizeOf(view.shape);
  const end = count === 0 ? offset : offset + view.shape.reduce((n, d, axis) => n + (d - 1) * strides[axis], 1);
  if (end > storage.count) {
    damaged(`a tensor of shape [${view.shape}] ends at element ${end} of a storage with ${storage.count}`);
  }
  if (count > storage.count) damaged(`a tensor of shape [${view.shape}] repeats the ${storage.count} elements it has`);
  return view;
}

function stateDict(root: PickleValue, limits: TensorLimits): Map<string, TensorView> {
  if (!(root instanceof PickleDict)) refuse("expected a dict of tensors, got something else");
  const entry = STATE_ENTRIES.find((name) => root.entries.has(name));
  const inner = entry === undefined ? root : root.entries.get(entry);
  const dict = inner instanceof PickleDict ? inner : refuse(`its ${entry} is no dict`);
  if (dict.entries.size > limits.tensors) tooMuch(`expected at most ${limits.tensors} tensors`);
  const found = new Map<string, TensorView>();
  for (const [key, value] of dict.entries) {
    if (typeof key !== "string") refuse("a key of its state dictionary is no text");
    if (!(value instanceof TensorView)) {
      refuse(`expected tensors, or an entry "state_dict" with them, got something else under ${quoted(key)}`);
    }
    found.set(key, value);
  }
  return found;
}

/** Reads each storage once, however many tensors share it. */
async function readViews(
  views: ReadonlyMap<string, TensorView>,
  archive: Archive,
  limits: TensorLimits,
): Promise<Map<string, StoredTensor>> {
  const bytesOf = ({ shape, storage }: TensorView) => sizeOf(shape) * STORED_BYTES[storage.dtype];
  const total = [...views.values()].reduce((n, view) => n + bytesOf(view), 0);
  if (total > limits.bytes) tooMuch(`expected at most ${limits.bytes} bytes of tensors, got ${total}`);
  const byEntry = Map.groupBy(views, ([, { storage }]) => storage.entry);
  const stored = [...byEntry.keys()].reduce((n, entry) => n + archive.entries.get(entry)!, 0);
  if (stored > limits.bytes) tooMuch(`expected at most ${limits.bytes} bytes of storages, got ${stored}`);
  const read = new Map<string, StoredTensor>();
  for (const [entry, sharing] of byEntry) {
    const bytes = await archive.read(entry);
    for (const [key, view] of sharing) {
      read.set(key, { dtype: view.storage.dtype, shape: view.shape, bytes: contiguous(view, bytes) });
    }
  }
  return new Map([...views.keys()].map((key) => [key, read.get(key)!]));
}

/** The elements of a view in C order, without a copy where the storage holds them in that order. */
function contiguous({ storage, offset, shape, strides }: TensorView, bytes: Uint8Array): Uint8Array {
  const width = STORED_BYTES[storage.dtype];
  const count = sizeOf(shape);
  const dense = shape.map((_, axis) => sizeOf(shape.slice(axis + 1)));
  if (shape.every((d, axis) => d === 1 || strides[axis] === dense[axis])) {
    return bytes.subarray(offset * width, (offset + count) * width);
  }
  const out = new Uint8Array(count * width);
  const index = shape.map(() => 0);
  for (let i = 0, from = offset; i < count; i++) {
    for (let b = 0; b < width; b++) out[i * width + b] = bytes[from * width + b];
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      from += strides[axis];
      if (++index[axis] < shape[axis]) break;
      from -= strides[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return out;
}
