/** An ONNX model as plain data, between the file (`decode.ts`) and the IR (`normalize.ts`); and the bounds of both. */
import { type DType, quoted, sizeOf, type Tensor } from "../../tensor/mod.ts";

/** A tensor of the file, with the element type that the file has where ours is wider. */
export interface RawTensor extends Tensor {
  readonly widenedFrom?: string;
}

/** An attribute: a number, a text, a list of either, a tensor, or a graph (a branch of If). */
export type RawAttr = number | string | readonly number[] | readonly string[] | RawTensor | RawGraph;

/** A node of the file. An absent optional input or output is the empty string. */
export interface RawNode {
  readonly op: string;
  readonly name: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attrs: ReadonlyMap<string, RawAttr>;
  /** The operator set of the node, where it is not the model's: that of the function it comes from. */
  readonly opset?: number;
}

/** Nodes in execution order, every name defined before it is used; a branch also uses names defined around it. */
export interface RawGraph {
  readonly outputs: readonly string[];
  readonly constants: ReadonlyMap<string, RawTensor>;
  readonly nodes: readonly RawNode[];
}

/** A graph input; a dimension is a size, a symbol, or "?" where the file states neither. */
export interface RawInput {
  readonly name: string;
  readonly dtype: DType;
  readonly dims: readonly (number | string)[];
}

/** An ONNX model as plain data. */
export interface RawModel extends RawGraph {
  readonly name: string;
  readonly opset: number;
  readonly producer: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Inputs that are not initializers. */
  readonly inputs: readonly RawInput[];
}

/** Bounds of the models that are read. */
export interface ImportLimits {
  /** Of the file; protobuf ends at 2 GiB. */
  readonly bytes: number;
  readonly nodes: number;
  /** Of any one tensor, constant or computed. */
  readonly elements: number;
  readonly rank: number;
}

export const IMPORT_LIMITS: ImportLimits = { bytes: 2 ** 31 - 1, nodes: 100_000, elements: 2 ** 31, rank: 12 };

/** The remedy for files that break the format's own rules. */
export const DAMAGED = "check the file with onnx.checker, and export it again";

/** The name of a node in error messages. */
export function nodeLabel({ op, name, outputs }: Pick<RawNode, "op" | "name" | "outputs">): string {
  return `node ${quoted(name || outputs.find((o) => o !== "") || "")} (${op})`;
}

/** @throws {RangeError} a tensor of this shape would be too large */
export function checkShape(shape: readonly number[], what: string, limits: ImportLimits): void {
  if (shape.length > limits.rank) {
    throw new RangeError(
      `Cannot import ${what}: expected at most ${limits.rank} axes, got ${shape.length}: export with fewer`,
    );
  }
  if (!shape.every((d) => Number.isSafeInteger(d) && d >= 0)) {
    throw new RangeError(`Cannot import ${what}: expected sizes from 0, got [${shape}]: ${DAMAGED}`);
  }
  if (sizeOf(shape) > limits.elements) {
    throw new RangeError(
      `Cannot import ${what}: expected at most ${limits.elements} elements, got [${shape}]: choose a smaller window`,
    );
  }
}
