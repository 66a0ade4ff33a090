/**
 * The real tasks: fine-tuning, pre-training, segmentation, classification on a device of this machine. Runs inside worker
 * processes only; nothing else imports it.
 */
import { Devices, type Engine, type Provider } from "../../engine/mod.ts";
import { classify, segment } from "../../inference/mod.ts";
import { finetune, pretrain } from "../../train/mod.ts";
import { Engines } from "./engines.ts";
import { checkFailureOf, type TaskContext, type Tasks, type Warned } from "./task_types.ts";

const devices = new Devices();
const engines = new Engines({ open: (provider, options) => devices.open(provider, options) });

/** `auto` begins with the best device and goes on to the next where memory or operators do not suffice. */
function onDevice<T extends Warned>(
  wanted: Provider | "auto",
  { emit, dataDirectory }: TaskContext,
  { work, keep }: { readonly work: (engine: Engine) => Promise<T>; readonly keep: boolean },
): Promise<T> {
  const log = (message: string) => emit({ type: "log", message });
  return engines.run(devices.ready(wanted), {
    work,
    keep,
    options: { dataDirectory, warn: log },
    onFallback: log,
  });
}

/** Requests follow each other and find their networks loaded. */
const kept = <T extends Warned>(work: (engine: Engine) => Promise<T>) => ({ work, keep: true });
/** A training leaves nothing on the device. */
const once = <T>(work: (engine: Engine) => Promise<T>) => ({
  work: async (engine: Engine) => ({ ...await work(engine), warnings: [] }),
  keep: false,
});

export const tasks: Tasks = {
  finetune: ({ provider, ...request }, context) =>
    onDevice(
      provider,
      context,
      once((engine) => finetune({ ...request, engine, signal: context.signal, onEvent: context.emit })),
    ),
  pretrain: ({ provider, ...request }, context) =>
    onDevice(
      provider,
      context,
      once((engine) => pretrain({ ...request, engine, signal: context.signal, onEvent: context.emit })),
    ),
  segment: ({ provider, images, ...request }, context) =>
    onDevice(
      provider,
      context,
      kept((engine) => segment({ ...request, images: Object.fromEntries(images), engine, ...followed(context) })),
    ),
  classify: ({ provider, images, ...request }, context) =>
    onDevice(
      provider,
      context,
      kept((engine) => classify({ ...request, images: Object.fromEntries(images), engine, ...followed(context) })),
    ),
};

function followed({ signal, emit }: TaskContext) {
  return {
    signal,
    onProgress: (step: number, steps: number) => emit({ type: "progress", step, steps }),
    onCheckFailed: (error: unknown) => emit({ type: "check-failed", ...checkFailureOf(error) }),
  };
}
