/**
 * Tasks without networks for tests of the server. After the four bytes that begin a NIfTI header, an image file holds
 * the behaviour of the segmentation as JSON. Trainings are those of the tests of jobs.
 */
import { EngineError, type EngineErrorCode } from "../../engine/mod.ts";
import { InferenceError, type InferenceErrorCode } from "../../inference/types.ts";
import { tasks as jobTasks } from "../../jobs/testing/fake_tasks.ts";
import type { TaskContext } from "../../jobs/kinds/kind.ts";
import type { Tasks } from "../../jobs/kinds/table.ts";
import { exists } from "../../storage/mod.ts";

export interface Behaviour {
  /** How long it takes. */
  readonly ms?: number;
  /** A folder: the task writes `begun` there and waits for the test to write `go`; see {@link gateIn}. */
  readonly gate?: string;
  readonly fail?: InferenceErrorCode | DeviceFailure | "unforeseen";
  readonly warn?: boolean;
}

type DeviceFailure = Exclude<EngineErrorCode, "timeout" | "closed">;
const DEVICE_FAILURES: readonly string[] = [
  "crashed",
  "out-of-memory",
  "unsupported",
  "failed",
] satisfies DeviceFailure[];

/** An upload that makes the fake behave so. */
export function image(behaviour: Behaviour = {}): Uint8Array<ArrayBuffer> {
  return new Uint8Array([0x5c, 1, 0, 0, ...new TextEncoder().encode(JSON.stringify(behaviour))]);
}

/** A segmentation that begins, and ends when the test says so. A worker writes in few folders of a data directory. */
export function gateIn(dataDirectory: string) {
  const gate = `${dataDirectory}/jobs/gate`;
  Deno.mkdirSync(gate);
  return {
    image: image({ gate }),
    /** Resolves once the segmentation has begun. */
    begun: () => appearance(`${gate}/begun`),
    open: () => Deno.writeTextFile(`${gate}/go`, ""),
  };
}

/** Waits for a file; the task runs in another process. */
async function appearance(path: string, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted && !await exists(path)) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function behave(path: string, { signal, emit }: TaskContext): Promise<Behaviour> {
  const behaviour: Behaviour = JSON.parse(new TextDecoder().decode((await Deno.readFile(path)).subarray(4)));
  const { ms = 0, gate, fail } = behaviour;
  for (let waited = 0; waited < ms && !signal.aborted; waited += 10) await new Promise((r) => setTimeout(r, 10));
  if (gate !== undefined) {
    await Deno.writeTextFile(`${gate}/begun`, "");
    await appearance(`${gate}/go`, signal);
  }
  if (signal.aborted) throw new InferenceError("cancelled", "Stopped between windows");
  if (fail === "unforeseen") await Deno.readTextFile("/secret/Doe^Jane.nii.gz");
  if (fail === "crashed") Deno.kill(Deno.pid, "SIGKILL");
  if (DEVICE_FAILURES.includes(fail!)) throw new EngineError(fail as DeviceFailure, `Cannot run the model: ${fail}`);
  if (fail !== undefined) throw new InferenceError(fail as InferenceErrorCode, `Cannot use the images: ${fail}`);
  emit({ type: "progress", step: 1, steps: 1 });
  return behaviour;
}

const warnings = ({ warn }: Behaviour) =>
  warn ? [{ code: "template-substituted", detail: "t2 is missing – the template stood in" }] : [];

export const tasks: Tasks = {
  async finetune(params, context) {
    const result = await jobTasks.finetune(params, context);
    const path = `${params.outputDirectory}/report`;
    await Deno.writeTextFile(`${path}.json`, `{ "trace": ${await Deno.readTextFile(`${path}.json`)} }`);
    await Deno.writeTextFile(`${path}.html`, "<!doctype html><title>Report</title>");
    return result;
  },
  pretrain: jobTasks.pretrain,
  async segment({ images, outPath, output, missing = "error", reference, quality, spec }, context) {
    const behaviour = await behave(images[0][1], context);
    const where = reference === undefined ? "" : ` on ${reference}`;
    const of = images.map(([modality]) => modality);
    await Deno.writeTextFile(outPath, `${output} of ${of}${where}, missing: ${missing}`);
    return {
      provider: "fake",
      labels: spec.labels.map(({ name, value }) => ({ name, value, voxels: 1, volumeMl: 0.001 })),
      windows: 1,
      timingsMs: { read: 0, preprocess: 0, infer: 120, restore: 0, write: 0 },
      peakBytes: 1,
      warnings: warnings(behaviour),
      quality: {
        score: 0.5,
        passes: quality === "full" ? 3 : 1,
        perLabel: spec.labels.map(({ name }) => ({ name, score: 0.5 })),
        reasons: ["Not calibrated – the model knows no held-out patients."],
      },
    };
  },
  async classify({ images, spec }, context) {
    const behaviour = await behave(images[0][1], context);
    const classes = spec.classes.map((label, i) => ({ label, probability: i === 0 ? 1 : 0 }));
    return {
      provider: "fake",
      classes,
      timingsMs: { read: 0, preprocess: 0, infer: 120 },
      warnings: warnings(behaviour),
    };
  },
};
