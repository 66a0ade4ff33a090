/** `sulcus bench`: measures the device that Sulcus runs on. The benchmarks of whole networks are a development tool. */
import { calibrate, type CostTable, costTablePath, openEngine } from "../../engine/mod.ts";
import { writeWhole } from "../../storage/mod.ts";
import { type Args, type Command, wrong } from "../terminal/args.ts";
import { checkDataDirectory, JSON_FLAG, PROVIDER_FLAG, settingsOf } from "../options/settings.ts";
import { CommandError } from "../terminal/errors.ts";
import type { Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";

export const benchCommand: Command = {
  name: "bench",
  summary: "measures the device, so that networks run in the forms that are the fastest there",
  usage: ["bench --calibrate [--provider auto] [--data ./data]"],
  flags: {
    calibrate: {
      help: "Time every form that an operator can take on the device, and keep the times: one minute or less",
    },
    data: {
      value: "DIR",
      help: "Where the times are kept; whatever runs with this directory uses them. Default ./data",
    },
    ...PROVIDER_FLAG,
    ...JSON_FLAG,
  },
  notes: `
Without a calibration each operator takes the form that is usually the fastest on such a device. Run it while the
machine has nothing else to do, and again after a change of the device or of Sulcus: times of another device or version
are not used, and a note says so. A running server reads them at its next start. A training that goes on after a
calibration rounds differently from one that was not stopped.`,
  run: runBench,
};

async function runBench(args: Args, io: Io): Promise<void> {
  if (!args.is("calibrate")) wrong("Cannot run bench: expected --calibrate");
  const { provider, data } = settingsOf(args, io.env);
  await checkDataDirectory(data);
  const progress = new Progress(io, { json: args.is("json") });
  using interrupts = io.interrupts();
  const engine = await openEngine(provider);
  try {
    const { table, unsteady } = await calibrate(engine, {
      signal: interrupts.signal,
      onTrial: (step, steps) => progress.update({ step, steps }),
    });
    await keepTable(table, data);
    progress.end();
    if (unsteady.length > 0) {
      progress.note(`The machine was busy: of ${unsteady.length} kinds no time was steady. They keep their usual form`);
    }
    tell(table, { json: args.is("json"), io });
  } catch (error) {
    if (!interrupts.signal.aborted) throw error;
    throw new CommandError("cancelled", "Stopped: no times are kept", { cause: error });
  } finally {
    progress.end();
    await engine.close();
  }
}

/** Writes a table where every engine with this data directory finds it. */
export async function keepTable(table: CostTable, data: string): Promise<void> {
  await writeWhole(costTablePath(data, table.provider), JSON.stringify(table, null, 2));
}

function tell(table: CostTable, { json, io }: { json: boolean; io: Io }): void {
  if (json) return io.out(JSON.stringify({ type: "result", ...table }));
  io.out(`${table.provider}: ${table.deviceName}, ${table.runtime}. Milliseconds without each rewrite and with it:`);
  const kinds = Object.entries(table.kinds);
  const width = Math.max(0, ...kinds.map(([key]) => key.length));
  for (const [key, { withoutMs, withMs }] of kinds) {
    const ratio = withoutMs / withMs;
    const words = ratio > 0 && ratio < Infinity ? `  ${ratio.toFixed(2)} times as fast` : "";
    io.out(`  ${key.padEnd(width)}  ${columnOf(withoutMs)}  ${columnOf(withMs)}${words}`);
  }
}

const columnOf = (ms: number) => (ms === Infinity ? "refused" : ms.toFixed(3)).padStart(9);
