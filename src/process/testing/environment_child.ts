/** Prints as JSON which variables a worker gets of those of this process, and which a reader of strangers' files. */
import { Supervisor } from "../mod.ts";

const reader = { reads: [], writes: [], memoryBytes: 512 * 2 ** 20 };
const found: string[][] = [];
for (const confinement of [undefined, reader]) {
  const child = new Supervisor({
    title: "the probe",
    module: import.meta.resolve("./probe_child.ts"),
    env: { GIVEN: "1" },
    confinement,
    onQuestion: () => Promise.resolve(null),
  });
  await child.start();
  const environment = await Deno.readTextFile(`/proc/${child.pid}/environ`);
  await child.close();
  found.push(environment.split("\0").filter((each) => each !== "").map((each) => each.split("=")[0]));
}
console.log(JSON.stringify(found));
