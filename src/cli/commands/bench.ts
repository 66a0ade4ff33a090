/** `sulcus bench`: measures the device that Sulcus runs on. The benchmarks of whole networks are a development tool. */
import { calibrate, type CostTable, costTablePath, Devices, type Provider } from "../../engine/mod.ts";
import { writeWhole } from "../../storage/mod.ts";
import { referenceWork } from "../../train/mod.ts";
import { type Args, type Command, wrong } from "../terminal/args.ts";
import { checkDataDirectory, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";

export const benchCommand: Command = {
  name: "bench",
  summary: "calibrates the device, so that networks use the fastest form of each operator",
  usage: ["bench --calibrate [--provider auto] [--data ./data]"],
  flags: {
    calibrate: {
      help: "Time every form of each operator on the device and store the times: a minute or two for each provider",
    },
    data: {
      value: "DIR",
      help: "Data directory that stores the times; commands and servers with this directory use them. Default ./data",
    },
    ...PROVIDER_FLAG,
    ...JSON_FLAG,
  },
  notes: `
Without a calibration each operator uses the form that is usually the fastest on such a device. \`auto\` calibrates every
provider that could do the same device's work, such as OpenVINO beside the CPU provider, and later takes the one that
was the fastest at a window, or at an update of a training. Calibrate while the machine is idle, and again after a
change of the device, of the precision or of Sulcus: times of another device or version are ignored, with a note. A
running server reads the times at its next start. A training that resumes after a calibration rounds
differently from one that was never stopped.`,
  run: runBench,
};

async function runBench(args: Args, io: Io): Promise<void> {
  if (!args.is("calibrate")) wrong("Cannot run bench: expected --calibrate");
  const { provider, data } = settingsOf(args, io.env);
  await checkDataDirectory(data);
  const progress = new Progress(io, { json: args.is("json") });
  using interrupts = io.interrupts();
  const devices = new Devices();
  for (const each of await devices.rivals(provider)) {
    await calibrateOne(devices, each, { data, progress, interrupts, args, io });
  }
}

interface Circumstances {
  readonly data: string;
  readonly progress: Progress;
  readonly interrupts: ReturnType<Io["interrupts"]>;
  readonly args: Args;
  readonly io: Io;
}

async function calibrateOne(
  devices: Devices,
  provider: Provider,
  { data, progress, interrupts, args, io }: Circumstances,
): Promise<void> {
  const engine = await devices.open(provider);
  try {
    const { table, unsteady } = await calibrate(engine, {
      signal: interrupts.signal,
      work: referenceWork(),
      onTrial: (step, steps) => progress.update({ step, steps }),
    });
    await keepTable(table, data);
    progress.end();
    if (unsteady.length > 0) {
      progress.note(
        `The machine was busy: ${unsteady.length} kinds of operators had no steady time and keep their usual form`,
      );
    }
    printTimes(table, { json: args.is("json"), io });
  } catch (error) {
    if (!interrupts.signal.aborted) throw error;
    throw new CommandError("cancelled", "Stopped: no times are stored", { cause: error });
  } finally {
    progress.end();
    await engine.close();
  }
}

/** Writes a table where every engine with this data directory looks for it. */
export async function keepTable(table: CostTable, data: string): Promise<void> {
  await writeWhole(costTablePath(data, table.provider), JSON.stringify(table, null, 2));
}

function printTimes(table: CostTable, { json, io }: { json: boolean; io: Io }): void {
  if (json) return io.out(JSON.stringify({ type: "result", ...table }));
  io.out(`${table.provider}: ${table.deviceName}, ${table.runtime}. Milliseconds without each rewrite and with it:`);
  const kinds = Object.entries(table.kinds);
  const width = Math.max(0, ...kinds.map(([key]) => key.length));
  for (const [key, { withoutMs, withMs }] of kinds) {
    const ratio = withoutMs / withMs;
    const words = ratio > 0 && ratio < Infinity ? `  ${ratio.toFixed(2)} times as fast` : "";
    io.out(`  ${key.padEnd(width)}  ${columnOf(withoutMs)}  ${columnOf(withMs)}${words}`);
  }
  const whole = Object.entries(table.workMs ?? {}).map(([work, ms]) => `${work} ${Math.round(ms)} ms`);
  if (whole.length > 0) io.out(`One window and one update of a small network: ${whole.join(", ")}`);
}

const columnOf = (ms: number) => (ms === Infinity ? "refused" : ms.toFixed(3)).padStart(9);
