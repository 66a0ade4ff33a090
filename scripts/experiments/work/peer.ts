/** Runs of the peers: PyTorch trains on the same split with the same budget, and what it finds is scored as ours is. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Modality } from "../../../src/inference/mod.ts";
import { digestFile } from "../../../src/storage/mod.ts";
import type { TrainingCase } from "../../../src/train/mod.ts";
import type { Budget } from "../options.ts";
import type { Run, RunContext } from "../runs/runs.ts";
import type { Cases } from "./cases.ts";
import type { ClassificationResult } from "./finetuning.ts";
import { type PatientScore, scored, type SegmentationTask } from "./scoring.ts";
import type { Peer } from "./variants.ts";

export interface PeerRunOptions {
  readonly title: string;
  readonly peer: Peer;
  readonly python: string;
  readonly seed: number;
  readonly budget: Budget;
  readonly train: Cases;
  readonly test: Cases;
}

/** What a program writes to its reply. */
interface PeerReply {
  readonly trainSeconds: number;
  readonly updates: number;
  readonly peakBytes: number;
  readonly device: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** What is particular to a task. */
interface PeerTask<Reply extends PeerReply> {
  /** From the repository's root; its words are a part of the run's identity. */
  readonly program: string;
  /** JSON that decides the task, and goes to the program. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** A case as the program reads it. */
  caseOf(c: TrainingCase): object;
  result(reply: Reply, cases: readonly TrainingCase[], masks: string): Promise<object>;
}

/** Masks of every test patient. */
export function segmentationPeer(options: PeerRunOptions, task: SegmentationTask): Promise<Run> {
  const { modalities, labels, regions } = task;
  return peerRun(options, {
    program: "scripts/peer/segmentation.py",
    settings: { regions: labels.map(({ value, sourceValues = [value] }) => ({ value, from: sourceValues })) },
    caseOf: ({ images, label }) => ({ images: modalities.map((m) => images[m]), label }),
    async result(_, cases, masks) {
      const patients: PatientScore[] = [];
      for (const [i, { id, label }] of cases.entries()) {
        patients.push(await scored(id, { mask: join(masks, `${i}.nii.gz`), reference: label! }, regions));
      }
      return { patients };
    },
  });
}

/** Probabilities of every test image. */
export function classificationPeer(
  options: PeerRunOptions,
  { channel, classes }: { channel: Modality; classes: readonly string[] },
): Promise<Run> {
  const classOf = ({ className }: TrainingCase) => classes.indexOf(className!);
  return peerRun<PeerReply & { readonly probabilities: readonly (readonly number[])[] }>(options, {
    program: "scripts/peer/classification.py",
    settings: { classes: classes.length },
    caseOf: (c) => ({ images: [c.images[channel]], class: classOf(c) }),
    result({ probabilities }, all) {
      const cases: ClassificationResult["cases"] = all.map((c, i) => ({
        id: c.id,
        patient: c.patient,
        actual: classOf(c),
        probabilities: probabilities[i],
      }));
      return Promise.resolve({ cases });
    },
  });
}

/** Needs `python` with torch, monai, nibabel and numpy. */
async function peerRun<Reply extends PeerReply>(
  { title, peer, python, seed, budget, train, test }: PeerRunOptions,
  { program, settings: own, caseOf, result }: PeerTask<Reply>,
): Promise<Run> {
  const setOf = ({ data, ids }: Cases) => ({ data, ids });
  const { sha256 } = await digestFile(program);
  return {
    kind: "peer",
    title,
    settings: { peer, program: sha256, train: setOf(train), test: setOf(test), seed, budget, ...own },
    needs: [...train.needs, ...test.needs],
    keepsOutput: false,
    async execute({ workDirectory, device, runs, onEvent }: RunContext) {
      const masks = join(workDirectory, "masks"), specPath = join(workDirectory, "spec.json");
      const replyPath = join(workDirectory, "reply.json");
      await mkdir(masks, { recursive: true });
      const cases = test.open(runs);
      const spec = {
        peer,
        seed,
        threads: device.threads,
        device: device.provider === "cuda" ? "cuda" : "cpu",
        ...("updates" in budget ? { updates: budget.updates } : { seconds: budget.seconds }),
        ...own,
        train: train.open(runs).map(caseOf),
        test: cases.map(caseOf),
        masks,
        reply: replyPath,
      };
      await writeFile(specPath, JSON.stringify(spec));
      onEvent({ type: "log", message: `${title}: starts ${program}` });
      await runPython(python, [program, specPath]);
      const reply: Reply = JSON.parse(await readFile(replyPath, "utf8"));
      const { trainSeconds, updates, peakBytes, device: provider, versions } = reply;
      const cost = { trainSeconds, updates, peakBytes };
      return { provider, cost, recipe: { peer, versions }, ...await result(reply, cases, masks) };
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
