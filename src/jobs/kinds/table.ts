/** The table of all kinds of jobs. A new kind is a file beside this one and its name here. */
import { classify } from "./classify.ts";
import { finetune } from "./finetune.ts";
import type { KindRecord, TaskContext } from "./kind.ts";
import { pretrain } from "./pretrain.ts";
import { segment } from "./segment.ts";

const TABLE = { finetune, pretrain, segment, classify };

export type JobKind = keyof typeof TABLE;
export const JOB_KINDS = Object.keys(TABLE) as JobKind[];

/** The wish that a user sends. */
export type WishOf<K extends JobKind> = Parameters<(typeof TABLE)[K]["plan"]>[0];
/** The request to the worker process. */
export type ParamsOf<K extends JobKind> = Parameters<(typeof TABLE)[K]["task"]>[0];
/** The reply of the worker process. */
export type FoundOf<K extends JobKind> = Awaited<ReturnType<(typeof TABLE)[K]["task"]>>;
/** The `output` of a succeeded job's result. */
export type OutputOf<K extends JobKind> = Awaited<ReturnType<(typeof TABLE)[K]["run"]>>["result"]["output"];

export const KINDS: { readonly [K in JobKind]: KindRecord<WishOf<K>, ParamsOf<K>, FoundOf<K>, OutputOf<K>> } = TABLE;

/** The worker's side of a kind. */
export type TaskOf<K extends JobKind> = (params: ParamsOf<K>, context: TaskContext) => Promise<FoundOf<K>>;
/** Of all kinds, as a tasks module exports it. */
export type Tasks = { readonly [K in JobKind]: TaskOf<K> };
