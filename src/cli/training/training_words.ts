/** Shared by the commands that train: the model's name, the stop by Ctrl-C, and the words for the result. */
import { loudFirst, type Warning, WARNINGS } from "../../inference/mod.ts";
import { modelNameSchema } from "../../registry/mod.ts";
import { type Args, refuse } from "../terminal/args.ts";
import { inRed, type Io } from "../terminal/io.ts";
import { Progress } from "../terminal/progress.ts";

/** `--name` of the model to be made. */
export function newModelOf(args: Args): string {
  const name = args.required("name");
  if (modelNameSchema.safeParse(name).success) return name;
  refuse("name", "1 to 64 of a-z, 0-9, - and _, beginning with a letter or digit", name);
}

export function numbersOf(metrics: Readonly<Record<string, number | null>>): string {
  return Object.entries(metrics).map(([name, value]) => `${name} ${value === null ? "undefined" : +value.toFixed(4)}`)
    .join(", ");
}

/** Runs a training with a progress line, stops it on Ctrl-C, and prints the words or the JSON that `work` returns. */
export async function runTraining(
  args: Args,
  io: Io,
  work: (shown: { progress: Progress; signal: AbortSignal }) => Promise<{ result: object; words: readonly string[] }>,
): Promise<void> {
  const json = args.is("json");
  const progress = new Progress(io, { json });
  using interrupts = io.interrupts();
  const { signal } = interrupts;
  signal.addEventListener("abort", () => {
    progress.note("Stopping after the current update. Ctrl-C again stops at once; the last checkpoint stays");
  }, { once: true });
  try {
    const { result, words } = await work({ progress, signal });
    progress.end();
    io.out(json ? JSON.stringify({ type: "result", ...result }) : words.join("\n"));
  } finally {
    progress.end();
  }
}

/** Lines of a training's warnings; those that say why its result should not be used as it is are red. */
export function warningWords(warnings: readonly Warning[], io: Pick<Io, "isTerminal" | "env">): string[] {
  return loudFirst(warnings).map(({ code, detail }) =>
    WARNINGS[code]?.weight === "loud" ? inRed(`Warning: ${detail}`, io) : `Warning: ${detail}`
  );
}

/** Lines that say what a training made, what was measured, and which commands come next. */
export function candidateWords(
  { model, version, existed }: { model: string; version: number; existed: boolean },
  { kind, measured, args }: { kind: "fine-tune" | "pre-training"; measured: string; args: Args },
): string[] {
  const where = storeFlags(args);
  return [
    existed
      ? `This ${kind} was done before: it made ${model} version ${version}.`
      : `Made ${model} version ${version}, a candidate.`,
    measured,
    `Look at it:  sulcus models show ${model} ${version}${where}`,
    `Approve it:  sulcus models approve ${model} ${version} --by "YOUR NAME"${where}`,
  ];
}

/** The flags by which other commands find the models of this one. */
function storeFlags(args: Args): string {
  return ["store", "models"].flatMap((flag) => {
    const value = args.text(flag);
    return value === undefined ? [] : [` --${flag === "store" ? "data" : flag} ${value}`];
  }).join("");
}
