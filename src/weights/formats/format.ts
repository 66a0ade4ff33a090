/** The shape of a file format's record. */
import type { StoredTensor } from "../../tensor/mod.ts";

/** Tensors by key, without a graph. */
export interface TensorFile {
  readonly holds: "tensors";
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Texts that the format keeps beside the tensors; empty where it keeps none. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** A network with its weights, as the bytes of an ONNX model. */
export interface GraphFile {
  readonly holds: "graph";
  /** Without the entry of Sulcus's own metadata. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Texts that the file keeps beside the graph. */
  readonly metadata: Readonly<Record<string, string>>;
}

export type Contents = TensorFile | GraphFile;

/** Bytes at the beginning of a file by which a format is recognised; fewer only where the file is shorter. */
export const HEAD_BYTES = 9;

/** A format that weights or networks of others come in. */
export interface WeightFormat<C extends Contents = Contents> {
  /**
   * True if a file with this beginning is of the format.
   * @throws {TypeError} it is of a variant that cannot be read; the message names the remedy
   */
  recognises(head: Uint8Array): boolean;
  /**
   * Reads a whole file. It looks at no tensor and at no graph.
   * @throws {DomainError} `invalid-archive`, `too-large`
   * @throws {SyntaxError | TypeError | RangeError} damaged, refused, beyond bounds
   */
  read(path: string): Promise<C>;
}
