/**
 * A kind of job is one record: how a wish becomes a stored input, how that is run, and how its result is presented. The
 * queue, the worker processes and the server ask the record and list no kinds.
 */
import type { z } from "zod";
import type { Datasets } from "../../datasets/mod.ts";
import type { Engine, EngineOptions, Provider } from "../../engine/mod.ts";
import type { Task, Warning, WorkBudget } from "../../inference/mod.ts";
import type { Readers } from "../../process/mod.ts";
import type { Registry } from "../../registry/mod.ts";
import type { CheckFailure, ImageList, JobEvent, JobOutcome, QueueName, TaskEvent } from "../types.ts";

/** Rooms and settings that every kind may use. */
export interface House {
  readonly registry: Registry;
  readonly datasets: Datasets;
  /** Where a job runs that names no provider. */
  readonly provider: Provider | "auto";
  /** Name of the model that checks modalities, used where it is served; null: no check. */
  readonly modalityCheck: string | null;
  /** Called when that check fails; the request continues without it. */
  readonly onCheckFailed: (failure: CheckFailure) => void;
  /** Reads the files of strangers. */
  readonly readers: Readers;
  /** The most work of one job. */
  readonly budget: WorkBudget;
}

export interface PlanContext extends House {
  /** A request waits, so that the job runs soon and its refusals reach the client as well as those of the plan. */
  readonly awaited: boolean;
  /** Moves image files into the job's own folder. */
  readonly takeImages: (images: ImageList) => Promise<ImageList>;
}

export interface Planned<Input> {
  /** Stored with the job as JSON. */
  readonly input: Input;
  /** The data set that must not change while the job is open. */
  readonly dataset?: string;
}

/** Paths of a job's own. */
export interface JobPaths {
  /** Folder of checkpoints; a job that is started again finds it as it left it. */
  readonly work: string;
  /** Folder that becomes the package. */
  readonly output: string;
  readonly mask: string;
}

export interface RunContext<Params, Found> extends House {
  readonly id: string;
  readonly paths: JobPaths;
  /** Runs the kind's task in the worker process of its queue. Default provider: the server's. */
  readonly work: (params: Params, provider?: Provider | "auto") => Promise<Found>;
}

export interface TaskContext {
  /** Aborts when the task is to stop; a training writes its checkpoint first. */
  readonly signal: AbortSignal;
  readonly emit: (event: TaskEvent) => void;
  readonly provider: Provider | "auto";
  readonly dataDirectory: string;
  /** How devices get their processes here. */
  readonly devices: Pick<EngineOptions, "start" | "spoolDirectory">;
}

/** Results of a task; `warnings` also name the providers that could not do the work, and why. */
export interface Warned {
  readonly warnings: readonly Warning[];
}

/** Files of a succeeded job, by the last part of their address: `/v1/jobs/{id}/report`. */
export type JobFile = "report" | "mask";

interface Traits {
  readonly queue: QueueName;
  /** A training keeps checkpoints, resumes from them, and ends with a candidate version. */
  readonly trains: boolean;
  /** The task of the models that it runs; absent: it runs none. */
  readonly modelTask?: Task;
  readonly files: readonly JobFile[];
  /** Events that the log keeps beside `done`. */
  readonly events: readonly JobEvent["type"][];
}

/** A kind as the rest of the program sees it. */
export interface KindRecord<Wish, Params, Found extends Warned, Output> extends Traits {
  /** Checks a wish and pins what it leaves open, so that a later run does the same. */
  plan(wish: Wish, context: PlanContext): Promise<Planned<unknown>>;
  /** In the server: runs a stored input to its result. */
  run(stored: unknown, context: RunContext<Params, Found>): Promise<JobOutcome<Output>>;
  /** In the worker process: the work itself. `params` arrived as JSON. */
  task(params: Params, context: TaskContext & { readonly engine: Engine }): Promise<Found>;
}

/** A kind as its file writes it, with the schema of the stored input. */
export interface KindSpec<Wish, Input, Params, Found extends Warned, Output>
  extends Omit<KindRecord<Wish, Params, Found, Output>, "plan" | "run"> {
  readonly input: z.ZodType<Input>;
  readonly plan: (wish: Wish, context: PlanContext) => Promise<Planned<Input>>;
  readonly run: (input: Input, context: RunContext<Params, Found>) => Promise<JobOutcome<Output>>;
}

/** Makes a record whose `run` reads what its `plan` stored. */
export function jobKind<Wish, Input, Params, Found extends Warned, Output>(
  { input, run, ...rest }: KindSpec<Wish, Input, Params, Found, Output>,
): KindRecord<Wish, Params, Found, Output> {
  return { ...rest, run: (stored, context) => run(input.parse(stored), context) };
}
