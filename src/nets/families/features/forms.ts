/**
 * How a value of an imported graph holds a feature map: channels first, channels last, or as tokens of a grid. One place
 * decides it, so that the list of candidates and the heads on them agree.
 */
import type { Graph } from "../../../graph/mod.ts";
import { sizeOf } from "../../../tensor/mod.ts";
import { type Axes, axesOf, direction } from "./axes.ts";

export type Size3 = readonly [number, number, number];

/** `map` is [N, C, x, y, z], `channels-last` [N, x, y, z, C], `tokens` [N, T, C] with T = x·y·z and the rows before. */
export type FeatureLayout = "map" | "channels-last" | "tokens";

export interface FeatureForm {
  readonly layout: FeatureLayout;
  readonly channels: number;
  /** The map's size in voxels. */
  readonly grid: Size3;
  /** Tokens before those of the grid, as the class token of a ViT. */
  readonly extraTokens: number;
}

const isPowerOfTwo = (n: number) => Number.isInteger(Math.log2(n));

/**
 * The whole stride that takes `from` voxels to `to`: their quotient, or one whose division gives `to` when rounded down or
 * up, rather a power of two; null: there is none.
 */
function strideOf(from: number, to: number): number | null {
  const ratio = from / to;
  const fitting = [Math.round(ratio), Math.floor(ratio), Math.ceil(ratio)].filter((s) =>
    s >= 1 && (Math.ceil(from / s) === to || Math.floor(from / s) === to)
  );
  return fitting.find(isPowerOfTwo) ?? fitting[0] ?? null;
}

/** The strides that take the larger size (the image's) to the smaller one, or null. */
export function stridesTo(size: readonly number[], image: readonly number[]): Size3 | null {
  const [x, y, z] = size.map((d, k) => strideOf(image[k], d));
  return x === null || y === null || z === null ? null : [x, y, z];
}

const triple = ([x, y, z]: readonly number[]): Size3 => [x, y, z];

/** The forms of a graph's values. */
export class FeatureForms {
  readonly image: Size3;
  readonly #graph: Graph;
  readonly #axes: ReadonlyMap<string, Axes>;

  /** `graph` has one input [N, C, X, Y, Z]. */
  constructor(graph: Graph) {
    this.#graph = graph;
    this.image = triple(graph.types.get(graph.inputs[0])!.shape.slice(2));
    this.#axes = axesOf(graph);
  }

  /** The form of a value whose axes are known to be those of a map, or null. */
  certain(name: string): FeatureForm | null {
    const shape = this.#graph.types.get(name)?.shape, axes = this.#axes.get(name);
    if (shape === undefined || axes == null || axes.length !== shape.length) return null;
    const isChannels = (k: number) => axes[k].extra === 0 && axes[k].parts.every(({ along }) => along === "C");
    const isGrid = (from: number) => [0, 1, 2].every((k) => shape[from + k] === 1 || direction(axes[from + k]) === k);
    if (shape.length === 5 && isGrid(2) && isChannels(1) && sizeOf(shape.slice(2)) > 1) return mapForm(shape);
    if (shape.length === 5 && isGrid(1) && isChannels(4) && sizeOf(shape.slice(1, 4)) > 1) return lastForm(shape);
    if (shape.length !== 3 || !isChannels(2)) return null;
    const { parts, extra } = axes[1];
    const grid = [1, 1, 1];
    let previous = -1;
    for (const { along, size, every, total } of parts) {
      if (along === "C" || along <= previous || every !== 1 || size !== total) return null;
      grid[along] = size;
      previous = along;
    }
    return sizeOf(grid) > 1 ? { layout: "tokens", channels: shape[2], grid: triple(grid), extraTokens: extra } : null;
  }

  /** The same, and where axes are lost on the way what the shape says: the choice of a user, who may know better. */
  formOf(name: string): FeatureForm | null {
    const shape = this.#graph.types.get(name)?.shape ?? [];
    const found = this.certain(name);
    if (found !== null) return found;
    if (shape.length === 5 && stridesTo(shape.slice(2), this.image) !== null) return mapForm(shape);
    if (shape.length === 5 && stridesTo(shape.slice(1, 4), this.image) !== null) return lastForm(shape);
    return shape.length === 3 ? this.#tokens(shape) : null;
  }

  /** Tokens of a grid whose strides are equal, the class token among them or not. */
  #tokens([, tokens, channels]: readonly number[]): FeatureForm | null {
    for (const extraTokens of [0, 1]) {
      for (let stride = 1; stride <= Math.max(...this.image); stride++) {
        const grid = this.image.map((d) => d / stride);
        if (grid.every(Number.isInteger) && sizeOf(grid) === tokens - extraTokens) {
          return { layout: "tokens", channels, grid: triple(grid), extraTokens };
        }
      }
    }
    return null;
  }
}

const mapForm = (shape: readonly number[]): FeatureForm => ({
  layout: "map",
  channels: shape[1],
  grid: triple(shape.slice(2)),
  extraTokens: 0,
});

const lastForm = (shape: readonly number[]): FeatureForm => ({
  layout: "channels-last",
  channels: shape[4],
  grid: triple(shape.slice(1, 4)),
  extraTokens: 0,
});
