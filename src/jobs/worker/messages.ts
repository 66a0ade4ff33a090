/** The messages between the server and its worker processes. All of them are JSON. */
import type { Provider } from "../../engine/mod.ts";
import type { JobKind } from "../kinds/table.ts";
import type { TaskEvent } from "../types.ts";

/** Server → worker, method `load`. */
export interface LoadMessage {
  /** URL of the module that exports `tasks`. */
  readonly tasks: string;
  readonly dataDirectory: string;
  /** Folder of tensors on their way to devices. */
  readonly spool: string;
}

/** Server → worker, method `run`. */
export interface RunMessage {
  readonly run: string;
  readonly task: JobKind;
  readonly params: unknown;
  readonly provider: Provider | "auto";
  /** Lock file to hold while the task runs: two processes must not work in one folder. */
  readonly lock?: string;
}

/** Server → worker, method `cancel`. */
export interface CancelMessage {
  readonly run: string;
}

/** Worker → server, event `task`. */
export interface EventMessage {
  readonly run: string;
  readonly event: TaskEvent;
}
