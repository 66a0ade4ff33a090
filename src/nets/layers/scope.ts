/**
 * Weights of network functions. A function asks its scope for each weight by name, shape and initialisation. A scope that
 * builds a graph returns constants; a scope that lists parameters returns graph inputs. So one function gives both.
 */
import type { GraphBuilder, Ops, Value } from "../../graph/mod.ts";
import { Random, sizeOf, type Tensor, tensor } from "../../tensor/mod.ts";

/** Weights by state-dict key (docs/method A). Kernels of official networks have axes X, Y, Z: see `checkpoint/layout.ts`. */
export type Weights = ReadonlyMap<string, Tensor>;

/** The distribution that fresh weights are drawn from. */
export type Init =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number }
  /** U(−bound, bound). */
  | { readonly kind: "uniform"; readonly bound: number }
  /** The weights of an imported graph. */
  | { readonly kind: "given"; readonly tensor: Tensor; readonly buffer: boolean };

/** One float32 entry of a network's state dictionary. */
export interface Parameter {
  readonly key: string;
  readonly shape: readonly number[];
  readonly init: Init;
  /** Running statistics of a BatchNormalization: stored and updated, never differentiated. */
  readonly buffer: boolean;
  /** Official checkpoints hold it although no forward pass uses it (docs/method A.1.2). */
  readonly idle: boolean;
}

/**
 * The fresh value of one parameter: drawn from the stream of `seed` and its key, so it does not depend on the order of
 * the layers.
 */
export function initialTensor({ key, shape, init }: Parameter, seed: number): Tensor {
  if (init.kind === "given") return init.tensor;
  const data = new Float32Array(sizeOf(shape));
  const random = new Random(seed).fork(key);
  if (init.kind === "constant") data.fill(init.value);
  else if (init.kind === "normal") { for (let i = 0; i < data.length; i++) data[i] = init.std * random.normal(); }
  else for (let i = 0; i < data.length; i++) data[i] = init.bound * (2 * random.uniform() - 1);
  return tensor("float32", shape, data);
}

/** Values by output name. */
export type Values = Readonly<Record<string, Value>>;

/** The part of a graph that a network function sees. */
export interface Scope {
  readonly op: Ops;
  readonly builder: GraphBuilder;
  /** The scope of a named part, whose keys begin with `name` and a dot. */
  at(name: string): Scope;
  weight(name: string, shape: readonly number[], init: Init): Value;
  /** Declares idle parameters; present only while parameters are listed. */
  readonly idle?: Scope;
}

/** The last part of the key of a BatchNormalization's counter, which networks here do not have. */
const COUNTER = "num_batches_tracked";

/** Reports whether a state-dict key names a BatchNormalization's counter. */
export const isCounter = (key: string): boolean => key.endsWith(`.${COUNTER}`);

/** The key of the counter beside a running variance. */
export const counterBeside = (key: string): string => key.replace(/running_var$/, COUNTER);

/** Reports whether a state-dict key of docs/method A names a buffer: a BatchNormalization's statistics or counter. */
export function isBuffer(key: string): boolean {
  return isCounter(key) || /\.running_(mean|var)$/.test(key);
}

/** A scope whose weights become constants of the graph. @throws {RangeError} a weight is missing or has another shape */
export function buildingScope(builder: GraphBuilder, { weights, net }: { weights: Weights; net: string }): Scope {
  return scope(builder, (key, shape) => {
    const found = weights.get(key);
    if (found === undefined) throw new RangeError(`Cannot build ${net}: expected a weight ${key}, got none`);
    if (found.dtype !== "float32" || String(found.shape) !== String(shape)) {
      throw new RangeError(
        `Cannot build ${net}: expected weight ${key} float32[${shape}], got ${found.dtype}[${found.shape}]`,
      );
    }
    return builder.constant(found, key);
  });
}

/** A scope that appends every requested parameter to `found`. */
export function listingScope(builder: GraphBuilder, found: Parameter[]): Scope {
  const listing = (idle: boolean) => (key: string, shape: readonly number[], init: Init) => {
    found.push({ key, shape, init, buffer: init.kind === "given" ? init.buffer : isBuffer(key), idle });
    return builder.input(key, { dtype: "float32", shape });
  };
  return scope(builder, listing(false), { idle: listing(true) });
}

type Source = (key: string, shape: readonly number[], init: Init) => Value;

function scope(
  builder: GraphBuilder,
  source: Source,
  { idle, prefix = "" }: { idle?: Source; prefix?: string } = {},
): Scope {
  return {
    op: builder.op,
    builder,
    at: (name) => scope(builder, source, { idle, prefix: `${prefix}${name}.` }),
    weight: (name, shape, init) => source(prefix + name, shape, init),
    idle: idle && scope(builder, idle, { prefix }),
  };
}
