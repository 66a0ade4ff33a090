/** Simulated heads as cases, made once by a run of their own. */
import { join, resolve } from "node:path";
import type { Modality } from "../../../src/inference/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import type { Run } from "../runs/runs.ts";
import type { Cases } from "./cases.ts";

export interface Simulation {
  /** Places of the anatomies in `<data>/anatomies`, from 1; subjects take them in turn. */
  readonly anatomies: readonly number[];
  readonly subjects: number;
  readonly seed: number;
  /** `real`: as scanners show tissue. `random`: every class of tissue has any intensity, in each modality anew. */
  readonly contrast: "real" | "random";
  readonly modalities: readonly Modality[];
  readonly labels: "structures" | "none";
}

/** The program of the simulator, from the repository's root. */
const SIMULATOR = "scripts/simulator/main.ts";

/** Subjects of a data set that is simulated; `prefix` names them apart from those of another. */
export function simulatedCases(data: string, simulation: Simulation, prefix: string): Cases {
  const run = simulationRun(data, simulation);
  const ids = Array.from({ length: simulation.subjects }, (_, n) => `${prefix}${String(n + 1).padStart(4, "0")}`);
  return {
    data: { simulation },
    ids,
    needs: [run],
    open: (runs) =>
      ids.map((id, n): TrainingCase => {
        const folder = join(runs.outputOf(run), "cases", `subject${String(n + 1).padStart(4, "0")}`);
        const path = (name: string) => join(folder, `${name}.nii.gz`);
        return {
          id,
          patient: id,
          images: Object.fromEntries(simulation.modalities.map((m) => [m, path(m)])),
          ...(simulation.labels === "structures" && { label: path("label") }),
        };
      }),
  };
}

function simulationRun(data: string, simulation: Simulation): Run {
  const { anatomies, subjects, seed, contrast, modalities, labels } = simulation;
  return {
    kind: "simulation",
    title: `${subjects} simulated subjects of anatomies ${anatomies.join(", ")}`,
    settings: simulation,
    needs: [],
    keepsOutput: true,
    async execute({ outputDirectory }) {
      const words = {
        anatomies: resolve(data, "anatomies"),
        anatomy: anatomies.join(),
        out: outputDirectory,
        subjects: String(subjects),
        seed: String(seed),
        labels,
        contrast,
        modalities: modalities.join(),
      };
      const args = ["run", "-A", SIMULATOR, ...Object.entries(words).flatMap(([flag, word]) => [`--${flag}`, word])];
      const { success, stderr } = await new Deno.Command(Deno.execPath(), { args, stdout: "null" }).output();
      if (!success) throw new Error(new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" "));
      return {};
    },
  };
}
