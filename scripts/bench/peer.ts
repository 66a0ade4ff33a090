/** The same networks in PyTorch and in OpenVINO alone, measured in the same run: `scripts/peer/`. */
import { join } from "node:path";
import { encodeModel, type Graph } from "../../src/graph/mod.ts";
import type { Row } from "./measure.ts";
import { EDGE_NET, networkGraph, UNIUNET } from "./networks.ts";
import { builtStep } from "./steps.ts";

interface PeerRun {
  readonly kind: string;
  readonly script: "bench.py" | "openvino_bench.py";
  readonly args: readonly string[];
}

export interface PeerOptions {
  readonly device: "cpu" | "cuda";
  /** The forms of PyTorch. Default: all that the device has, and one of a step of 96³, which takes minutes. */
  readonly forms?: readonly Torch[];
  readonly threads?: number | undefined;
}

/** The forms of PyTorch; those of reduced precision and of another layout are the processor's. */
const TORCH = {
  eager: [],
  compiled: ["--compile"],
  bfloat16: ["--precision", "bf16"],
  "channels-last": ["--channels-last"],
  "bfloat16 channels-last": ["--precision", "bf16", "--channels-last"],
} as const;
type Torch = keyof typeof TORCH;

const OPENVINO = { float32: "f32", bfloat16: "bf16" } as const;

/** The runs of PyTorch for a row of ours, if it has that one; the runs that take minutes in one form only. */
function torchRuns({ name, sizeVox }: Row, { device, threads, forms }: PeerOptions): PeerRun[] {
  const run = (kind: Torch, args: readonly string[]): PeerRun => ({
    kind: `PyTorch ${kind}`,
    script: "bench.py",
    args: [...args, ...TORCH[kind], ...(threads === undefined ? [] : ["--threads", String(threads)])],
  });
  if (name === "uniunet-volume") return [run("eager", ["--volume", ...String(sizeVox).split("x")])];
  const [, work, size] = name.match(/^uniunet-(forward|step)-(\d+)$/) ?? [];
  if (work === undefined) return [];
  const isLong = size === "96" && work === "step";
  const args = ["--device", device, "--sizes", size, "--only", work, "--runs", runsOf(work)];
  if (isLong) return forms === undefined ? [run("eager", args)] : [];
  const all: readonly Torch[] = device === "cuda" ? ["eager", "compiled"] : forms ?? Object.keys(TORCH) as Torch[];
  // the gradients of channels-last volumes are wrong in PyTorch 2.13 (uni_unet.py)
  return all.filter((kind) => work === "forward" || !kind.includes("channels-last")).map((kind) => run(kind, args));
}

/** Steps take long: the first run, and one more. */
const runsOf = (work: string) => work === "step" ? "2" : "3";

/** The graph of a row as built, for OpenVINO alone. */
function plainGraph(name: string): Graph | undefined {
  const [, net, work, size] = name.match(/^(uniunet|edge)-(forward|step)-(64|96)$/) ?? [];
  if (work === undefined || (work === "step" && size === "96")) return undefined; // that one takes minutes
  const spec = net === "edge" ? EDGE_NET : UNIUNET, edge = Number(size);
  return work === "forward" ? networkGraph(spec, [edge, edge, edge]) : builtStep({ spec, size: edge }).graph;
}

async function rowOf(python: string, name: string, { kind, script, args }: PeerRun): Promise<Row | undefined> {
  const { stdout, success } = await new Deno.Command(python, {
    args: [join(import.meta.dirname!, "../peer", script), ...args],
    stderr: "inherit",
  }).output();
  if (!success) return undefined;
  return { ...JSON.parse(new TextDecoder().decode(stdout).trim()) as Row, name: `${name}, ${kind}` };
}

/** The peers' rows beside one of ours, those that they have. A run that fails prints its own reason and gives no row. */
export async function* peersOf(python: string, row: Row, options: PeerOptions): AsyncGenerator<Row, void> {
  for (const run of torchRuns(row, options)) {
    const found = await rowOf(python, row.name, run);
    if (found !== undefined) yield found;
  }
  const graph = options.device === "cpu" ? plainGraph(row.name) : undefined;
  if (graph === undefined) return;
  const model = await Deno.makeTempFile({ suffix: ".onnx" });
  try {
    await Deno.writeFile(model, encodeModel(graph));
    for (const [precision, hint] of Object.entries(OPENVINO)) {
      const args = [
        "--model",
        model,
        "--name",
        row.name,
        "--precision",
        hint,
        "--threads",
        String(options.threads ?? 0),
        "--runs",
        runsOf(row.name.includes("-step-") ? "step" : "forward"),
      ];
      const kind = `OpenVINO alone ${precision}`;
      const found = await rowOf(python, row.name, { kind, script: "openvino_bench.py", args });
      if (found !== undefined) yield found;
    }
  } finally {
    await Deno.remove(model);
  }
}

/** The peers' rows beside those of `rows`. */
export async function peerRows(
  python: string,
  { rows, ...options }: PeerOptions & { readonly rows: readonly Row[] },
): Promise<Row[]> {
  const all: Row[] = [];
  for (const row of rows) {
    for await (const found of peersOf(python, row, options)) {
      all.push(found);
      console.error(JSON.stringify(found));
    }
  }
  return all;
}

/** Pairs of rows to divide: what the ratio is called, the peer's row, ours. */
export function peerPairs(rows: readonly Row[]): (readonly [string, readonly [string, string]])[] {
  return rows.flatMap(({ name }) => {
    const [ours, peer] = name.split(", ");
    return peer === undefined ? [] : [[`${ours}, ${peer} / ours`, [name, ours]] as const];
  });
}
