/**
 * The program of a process that does one run: it makes the plan again and does the run that the first line of its standard
 * input names. Its standard output are JSON lines; it ends when its input does. Not for import.
 */
import process from "node:process";
import { createInterface } from "node:readline";
import { planOf } from "../plans/plans.ts";
import { keyOf, type Run, RunCache } from "../runs/runs.ts";
import type { PerformMessage, RunReply } from "./run_processes.ts";

const say = (reply: RunReply) =>
  new Promise<void>((done) => process.stdout.write(`${JSON.stringify(reply)}\n`, () => done()));
// libraries must not write between the lines
console.log = console.error;

async function perform({ setup: { workDirectory, options, device }, plan, key }: PerformMessage): Promise<RunReply> {
  const withNeeds = (run: Run): Run[] => [run, ...run.needs.flatMap(withNeeds)];
  const all = (await planOf(plan, options)).rows.flatMap(({ runs }) => runs).flatMap(withNeeds);
  const run = all.find((r) => keyOf(r) === key);
  if (run === undefined) throw new RangeError(`Cannot do run ${key}: expected one of ${plan}; did its data change?`);
  return { finished: await new RunCache(workDirectory, device).perform(run, (event) => void say({ event })) };
}

const input = createInterface({ input: process.stdin });
input.once("line", async (line) => {
  const reply = await perform(JSON.parse(line)).catch((error): RunReply => ({
    error: String(error?.message ?? error),
  }));
  await say(reply);
  process.exit(0);
});
input.once("close", () => process.exit(1));
