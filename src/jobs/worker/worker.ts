/**
 * The program of a worker process: runs tasks of the module that it is told to load. `TaskProcess` starts it; nothing
 * imports it.
 */
import { Borrowed, DEVICE_STARTED } from "../../engine/mod.ts";
import { ask, emit, giveBackMemory, serve } from "../../process/mod.ts";
import { acquireLock } from "../../storage/mod.ts";
import type { TaskContext } from "../kinds/kind.ts";
import type { JobKind } from "../kinds/table.ts";
import type { CancelMessage, LoadMessage, RunMessage } from "./messages.ts";

type AnyTask = (params: unknown, context: TaskContext) => Promise<unknown>;

/** Time for an orphaned predecessor to end and release the lock, ms. */
const LOCK_WAIT_MS = 30_000;

let tasks: Record<JobKind, AnyTask> | undefined;
let dataDirectory: string;
let spoolDirectory: string;
const borrowed = new Borrowed(ask);
const running = new Map<string, AbortController>();

serve({
  async load({ tasks: url, ...rest }: LoadMessage) {
    dataDirectory = rest.dataDirectory;
    spoolDirectory = rest.spool;
    tasks = (await import(url)).tasks;
  },
  async run({ run, task, params, provider, lock }: RunMessage) {
    if (!tasks) throw new TypeError("Cannot run a task: no tasks module is loaded");
    const held = lock ? await acquireLock(lock, { what: "the job's folder", waitMs: LOCK_WAIT_MS }) : undefined;
    const controller = new AbortController();
    running.set(run, controller);
    try {
      return await tasks[task](params, {
        signal: controller.signal,
        emit: (event) => emit("task", { run, event }),
        provider,
        dataDirectory,
        devices: { start: borrowed.start, spoolDirectory },
      });
    } finally {
      running.delete(run);
      held?.release();
      if (running.size === 0) giveBackMemory(); // the volumes of an examination are hundreds of megabytes
    }
  },
  [DEVICE_STARTED]({ device }: { device: string }) {
    borrowed.started(device);
  },
  cancel({ run }: CancelMessage) {
    running.get(run)?.abort();
  },
});
