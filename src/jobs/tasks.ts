/**
 * The real tasks: fine-tuning, pre-training, segmentation, classification on a device of this machine. Runs inside worker processes
 * only; nothing else imports it.
 */
import { type Engine, type EngineOptions, openEngine, type Provider, withFallback } from "../engine/mod.ts";
import { classify, segment } from "../inference/mod.ts";
import { finetune, pretrain } from "../train/mod.ts";
import { checkFailureOf, type TaskContext, type Tasks } from "./task_types.ts";

/** Engines stay open between calls: the networks that they have loaded stay loaded. */
const engines = new Map<Provider, Engine>();

/**
 * Runs work on the wanted device. `auto` begins with the best one and falls back to the CPU when memory or operators
 * do not suffice.
 */
async function onDevice<T>(
  wanted: Provider | "auto",
  { emit, dataDirectory }: TaskContext,
  work: (engine: Engine) => Promise<T>,
): Promise<T> {
  const options: EngineOptions = { dataDirectory, warn: (message) => emit({ type: "log", message }) };
  const first = wanted === "auto" ? await openBest(options) : wanted;
  const providers: Provider[] = wanted === "auto" && first !== "cpu" ? [first, "cpu"] : [first];
  const { value, fellBack } = await withFallback(providers, work, {
    open: (provider) => openKept(provider, options),
    done: () => Promise.resolve(),
  });
  for (const { provider, error } of fellBack) {
    emit({ type: "log", message: `The ${provider} device could not do it (${error.code}); it ran on another` });
  }
  return value;
}

async function openBest(options: EngineOptions): Promise<Provider> {
  for (const provider of engines.keys()) return provider;
  const engine = await openEngine("auto", options);
  engines.set(engine.provider, engine);
  return engine.provider;
}

async function openKept(provider: Provider, options: EngineOptions): Promise<Engine> {
  const engine = engines.get(provider) ?? await openEngine(provider, options);
  engines.set(provider, engine);
  return engine;
}

export const tasks: Tasks = {
  finetune: ({ provider, ...request }, context) =>
    onDevice(
      provider,
      context,
      (engine) => finetune({ ...request, engine, signal: context.signal, onEvent: context.emit }),
    ),
  pretrain: ({ provider, ...request }, context) =>
    onDevice(
      provider,
      context,
      (engine) => pretrain({ ...request, engine, signal: context.signal, onEvent: context.emit }),
    ),
  segment: ({ provider, images, ...request }, context) =>
    onDevice(
      provider,
      context,
      (engine) => segment({ ...request, images: Object.fromEntries(images), engine, ...followed(context) }),
    ),
  classify: ({ provider, images, ...request }, context) =>
    onDevice(
      provider,
      context,
      (engine) => classify({ ...request, images: Object.fromEntries(images), engine, ...followed(context) }),
    ),
};

function followed({ signal, emit }: TaskContext) {
  return {
    signal,
    onProgress: (step: number, steps: number) => emit({ type: "progress", step, steps }),
    onCheckFailed: (error: unknown) => emit({ type: "check-failed", ...checkFailureOf(error) }),
  };
}
