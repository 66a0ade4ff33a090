/** The same networks in PyTorch, measured in the same run: `scripts/peer/bench.py`. */
import { join } from "node:path";
import type { Row } from "./measure.ts";

interface PeerRun {
  readonly args: readonly string[];
  readonly kinds: readonly ("eager" | "compiled")[];
}

/** The peer's run for a row of ours, if it has that one; the runs that take minutes in one form only. */
function peerRun({ name, sizeVox }: Row, device: "cpu" | "cuda"): PeerRun | undefined {
  if (name === "uniunet-volume") return { args: ["--volume", ...String(sizeVox).split("x")], kinds: ["eager"] };
  const [, work, size] = name.match(/^uniunet-(forward|step)-(\d+)$/) ?? [];
  if (work === undefined) return undefined;
  const isLong = size === "96" && work === "step";
  const args = ["--device", device, "--sizes", size, "--only", work, "--runs", isLong ? "2" : "3"];
  return { args, kinds: isLong ? ["eager"] : ["eager", "compiled"] };
}

/** The peer's rows beside those of `rows` that it has. A run that fails prints its own reason and gives no row. */
export async function peerRows(
  python: string,
  { rows, device }: { rows: readonly Row[]; device: "cpu" | "cuda" },
): Promise<Row[]> {
  const found: Row[] = [];
  for (const row of rows) {
    const { args, kinds } = peerRun(row, device) ?? { args: [], kinds: [] };
    for (const kind of kinds) {
      const { stdout, success } = await new Deno.Command(python, {
        args: [join(import.meta.dirname!, "../peer/bench.py"), ...args, ...(kind === "compiled" ? ["--compile"] : [])],
        stderr: "inherit",
      }).output();
      if (!success) continue;
      const theirs = JSON.parse(new TextDecoder().decode(stdout).trim()) as Row;
      found.push({ ...theirs, name: `${row.name}, PyTorch ${kind}` });
      console.error(JSON.stringify(found.at(-1)));
    }
  }
  return found;
}

/** Pairs of rows to divide: what the ratio is called, the peer's row, ours. */
export function peerPairs(rows: readonly Row[]): (readonly [string, readonly [string, string]])[] {
  return rows.flatMap(({ name }) => {
    const [ours, peer] = name.split(", ");
    return peer === undefined ? [] : [[`${ours}, ${peer} / ours`, [name, ours]] as const];
  });
}
