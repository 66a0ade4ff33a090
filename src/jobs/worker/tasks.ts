/**
 * The real tasks: those of the table of kinds, on a device of this machine. Runs inside worker processes only; nothing else
 * imports it.
 */
import { Devices } from "../../engine/mod.ts";
import { JOB_KINDS, type JobKind, KINDS, type TaskOf, type Tasks } from "../kinds/table.ts";
import { Engines } from "./engines.ts";

let devices: Devices | undefined;
const engines = new Engines({ open: (provider, options) => devices!.open(provider, options) });

/** `auto` begins with the best device and continues with the next where memory or operators do not suffice. */
function taskOf<K extends JobKind>(kind: K): TaskOf<K> {
  const { task, trains } = KINDS[kind];
  return (params, context) => {
    const { emit, provider, dataDirectory } = context;
    const log = (message: string) => emit({ type: "log", message });
    devices ??= new Devices(context.devices);
    return engines.run(devices.ready(provider, { work: trains ? "training" : "inference", dataDirectory }), {
      work: (engine) => task(params, { ...context, engine }),
      keep: !trains, // requests follow each other and find their networks loaded; a training leaves nothing on the device
      options: { dataDirectory, warn: log },
      onFallback: log,
    });
  };
}

export const tasks = Object.fromEntries(JOB_KINDS.map((kind) => [kind, taskOf(kind)])) as Tasks;
