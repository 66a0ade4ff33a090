import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TrainEvent } from "../../../src/train/mod.ts";
import { fakeRun, inFolder, optionsOf } from "../testing/fixtures.ts";
import { RunProcesses } from "./run_processes.ts";

const DEVICE = { provider: "cpu", threads: 1 } as const;

Deno.test("RunProcesses passes events and the answer of a run's process on, or why there is none", () =>
  inFolder(async (folder) => {
    const run = fakeRun("one", { done: [] });
    const answerOf = async (lines: readonly unknown[]) => {
      const program = join(folder, "program.ts"), events: TrainEvent[] = [];
      const said = lines.map((line) => `console.log(${JSON.stringify(JSON.stringify(line))});`).join("\n");
      await writeFile(program, `for await (const _ of Deno.stdin.readable) break;\n${said}\n`);
      const processes = new RunProcesses({ workDirectory: folder, options: optionsOf(), device: DEVICE }, program);
      const answer = await processes.perform("ms", run, (event) => events.push(event)).catch((e) => e.message);
      return { answer, events };
    };
    const event = { type: "log", message: "hello" }, finished = { result: 1 };
    assert.deepEqual(await answerOf([{ event }, { finished }]), { answer: finished, events: [event] });
    assert.equal((await answerOf([{ error: "no data" }])).answer, "no data");
    assert.match((await answerOf([])).answer, /^Cannot do a run: its process ended with 0 and no answer$/);
  }));

Deno.test("a run's process may read data wherever they lie, and refuses a run that its plan does not have", () =>
  inFolder(async (folder) => {
    const options = optionsOf({ data: folder, variants: ["auto"] });
    const processes = new RunProcesses({ workDirectory: folder, options, device: DEVICE });
    const run = fakeRun("stranger", { done: [] });
    await assert.rejects(processes.perform("structures", run, () => {}), {
      message: "expected --data to hold anatomies, got none",
    });
    await Deno.mkdir(join(folder, "anatomies"));
    await assert.rejects(
      processes.perform("structures", run, () => {}),
      /^Error: Cannot do run \w+: expected one of structures/,
    );
  }));
