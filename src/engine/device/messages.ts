/** Messages between a device's parent, `DeviceEngine`, and its child, `DeviceHost`. */
import type { TensorType } from "../../tensor/mod.ts";
import type { LoadOptions } from "../runtimes/runtime.ts";
import type { Placed } from "./spool.ts";

/** A spool file of tensors, valid until the next call; null for none. */
export type Placement = {
  readonly path: string;
  readonly bytes: number;
  readonly tensors: Readonly<Record<string, Placed>>;
} | null;

export interface OpenParams {
  /** The provider's name, for messages, and the module that opens it. */
  readonly provider: string;
  readonly runtime: string;
  readonly threads: number;
  /** The spool's folder. */
  readonly folder: string;
  /** What its parent found out about the machine: `ProviderRecord.facts`. */
  readonly facts: Readonly<Record<string, string>>;
}

export interface OpenReply {
  readonly deviceName: string;
  readonly software: boolean;
}

export interface LoadParams {
  readonly path: string;
  readonly options: LoadOptions;
}

export interface LoadReply {
  readonly session: number;
  readonly inputs: Readonly<Record<string, TensorType>>;
  readonly outputs: Readonly<Record<string, TensorType>>;
}

export interface PutParams {
  readonly name: string;
  readonly file: NonNullable<Placement>;
}

export interface RunParams {
  readonly session: number;
  readonly file: Placement;
  /** Input name → name of the resident to feed. */
  readonly residents: Readonly<Record<string, string>>;
  /** Output name → name of the resident that it becomes. */
  readonly keep: Readonly<Record<string, string>>;
  readonly fetch: readonly string[];
}

/** The event by which the child reports that a run has its feeds and begins to compute. */
export const STARTED = "started";

export interface RunReply {
  readonly file: Placement;
  /** The types of the residents made by this run. */
  readonly kept: Readonly<Record<string, TensorType>>;
}
