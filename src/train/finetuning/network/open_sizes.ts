/**
 * Networks on imported graphs whose sizes are open: the result keeps the file's nodes, so that it takes windows of other
 * sizes too. Decides beforehand whether that is possible.
 */
import { decodeModel, graftModel, type Graph, importModel, type ImportOptions } from "../../../graph/mod.ts";
import type { Net, Weights } from "../../../nets/mod.ts";
import { sameShape, type Tensor } from "../../../tensor/mod.ts";

/** The way in which the result is written, or the reason why it takes windows of one size. */
export type OpenSizes = { readonly encode: (weights: Weights) => Uint8Array } | { readonly why: string };

export interface OpenSizesOptions {
  /** The network on the file for crops of shape `input`. */
  readonly net: Net;
  readonly input: readonly number[];
  readonly reading: ImportOptions;
  /** The same network on another graph of the file. */
  readonly netOn: (graph: Graph) => Net;
  /** The start weights. */
  readonly weights: Weights;
}

/** Null where the file fixes every size, or `net` builds its graph without a file. */
export function openSizes(bytes: Uint8Array, options: OpenSizesOptions): OpenSizes | null {
  const { net, input, reading, netOn, weights } = options;
  const { head, constants } = net;
  if (head === undefined || constants === undefined) return null;
  const { inputs: [{ dims }] } = decodeModel(bytes);
  if (dims.slice(2).every((d) => typeof d === "number")) return null;
  const changed = [...constants.trained, ...constants.statistics];
  const encode = (final: Weights) =>
    graftModel(bytes, { constants: new Map(changed.map((name) => [name, final.get(name)!])), head: head(final) });
  try {
    if (reading.layout !== undefined) throw new TypeError("the file has its channels last");
    const larger = input.map((d, k) => (k > 1 && typeof dims[k] !== "number" ? 2 * d : d));
    const other = netOn(importModel(bytes, { ...reading, inputShape: larger }));
    if (!isSameHead(head(weights), other.head!(weights))) {
      throw new TypeError(`its decoder for crops [${larger}] is another than for [${input}]`);
    }
    encode(weights);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof RangeError)) throw error;
    return { why: error.message };
  }
  return { encode };
}

/** Reports whether two heads are the same nodes with the same numbers, whatever the sizes of their inputs. */
function isSameHead(a: Graph, b: Graph): boolean {
  const isSame = (t: Tensor, other: Tensor | undefined) =>
    other !== undefined && sameShape(t.shape, other.shape) && t.data.every((v, i) => v === other.data[i]);
  return JSON.stringify(a.nodes) === JSON.stringify(b.nodes) &&
    [...a.constants].every(([name, t]) => isSame(t, b.constants.get(name)));
}
