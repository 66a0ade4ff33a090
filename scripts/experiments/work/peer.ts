/** Runs of the peers: PyTorch trains on the same split with the same budget and writes masks, which are scored as ours are. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { digestFile } from "../../../src/storage/mod.ts";
import type { Budget } from "../options.ts";
import type { Run, RunContext } from "../runs/runs.ts";
import type { Cases } from "./cases.ts";
import { type PatientScore, scored, type SegmentationTask } from "./scoring.ts";
import type { Peer } from "./variants.ts";

/** The program of the peers, from the repository's root. */
export const PEER_PROGRAM = "scripts/peer/segmentation.py";

export interface PeerRunOptions {
  readonly title: string;
  readonly peer: Peer;
  readonly python: string;
  readonly seed: number;
  readonly budget: Budget;
  readonly train: Cases;
  readonly test: Cases;
}

/** What the program writes to its output. */
interface PeerReply {
  readonly trainSeconds: number;
  readonly updates: number;
  readonly peakBytes: number;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** Needs `python` with torch, monai, nibabel and numpy. */
export async function peerRun(
  { title, peer, python, seed, budget, train, test }: PeerRunOptions,
  { modalities, labels, regions }: SegmentationTask,
): Promise<Run> {
  const setOf = ({ data, ids }: Cases) => ({ data, ids });
  const { sha256: program } = await digestFile(PEER_PROGRAM);
  const regionValues = labels.map(({ value, sourceValues = [value] }) => ({ value, from: sourceValues }));
  const settings = { peer, program, train: setOf(train), test: setOf(test), seed, budget, modalities, regionValues };
  return {
    kind: "peer",
    title,
    settings,
    needs: [...train.needs, ...test.needs],
    keepsOutput: false,
    async execute({ workDirectory, device, runs, onEvent }: RunContext) {
      const masks = join(workDirectory, "masks"), specPath = join(workDirectory, "spec.json");
      await mkdir(masks, { recursive: true });
      const cases = test.open(runs);
      const filesOf = (all: ReturnType<Cases["open"]>) =>
        all.map(({ images, label }) => ({ images: modalities.map((m) => images[m]), label }));
      await writeFile(
        specPath,
        JSON.stringify({
          peer,
          seed,
          threads: device.threads,
          device: device.provider === "cuda" ? "cuda" : "cpu",
          ...("updates" in budget ? { updates: budget.updates } : { seconds: budget.seconds }),
          regions: regionValues,
          train: filesOf(train.open(runs)),
          test: filesOf(cases),
          masks,
          reply: join(workDirectory, "reply.json"),
        }),
      );
      onEvent({ type: "log", message: `${title}: starts ${PEER_PROGRAM}` });
      await runPython(python, [PEER_PROGRAM, specPath]);
      const reply: PeerReply = JSON.parse(await readFile(join(workDirectory, "reply.json"), "utf8"));
      const patients: PatientScore[] = [];
      for (const [i, { id, label }] of cases.entries()) {
        patients.push(await scored(id, { mask: join(masks, `${i}.nii.gz`), reference: label! }, regions));
      }
      const { trainSeconds, updates, peakBytes, device: provider, versions } = reply;
      return { provider, patients, cost: { trainSeconds, updates, peakBytes }, recipe: { peer, versions } };
    },
  };
}

/** @throws the program's last words where it fails */
async function runPython(python: string, args: readonly string[]): Promise<void> {
  const { success, code, stderr } = await new Deno.Command(resolveProgram(python), { args: [...args] }).output();
  if (success) return;
  const words = new TextDecoder().decode(stderr).trim().split("\n").slice(-3).join(" ");
  throw new Error(`Cannot train the peer: the program ended with ${code}: ${words}`);
}

/** A path is resolved; the name of a program is looked up by the system. */
const resolveProgram = (python: string) => python.includes("/") ? resolve(python) : python;
