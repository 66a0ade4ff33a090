/** Helpers of the tests of the command line: a recording terminal, label maps, model packages. */
import { draftOf, makeSource } from "../../registry/testing/packages.ts";
import type { ManifestDraft } from "../../registry/mod.ts";
import { writePackage } from "../../registry/package.ts";
import { spacingAffine, type Triple, writeVolume } from "../../volume/mod.ts";
import type { Io } from "../terminal/io.ts";
import { main } from "../main.ts";

export interface FakeIo extends Io {
  readonly outLines: string[];
  /** Everything written to standard error. */
  readonly errText: () => string;
}

export function fakeIo(
  { env = {}, isTerminal = false, signal = new AbortController().signal, onOut }: {
    env?: Io["env"];
    isTerminal?: boolean;
    /** The signal that Ctrl-C aborts. */
    signal?: AbortSignal;
    onOut?: (line: string) => void;
  } = {},
): FakeIo {
  const outLines: string[] = [];
  let errText = "";
  return {
    outLines,
    errText: () => errText,
    out(line) {
      outLines.push(line);
      onOut?.(line);
    },
    err: (text) => void (errText += text),
    isTerminal,
    columns: 60,
    env,
    interrupts: () => ({ signal, [Symbol.dispose]: () => {} }),
  };
}

/** Runs a command line in this process. */
export async function run(
  argv: readonly string[],
  options: Parameters<typeof fakeIo>[0] = {},
): Promise<{ code: number; out: string[]; err: string }> {
  const io = fakeIo(options);
  const code = await main(argv, io);
  return { code, out: io.outLines, err: io.errText() };
}

export async function inTemp(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

export interface Mask {
  readonly sizeVox?: Triple;
  readonly spacingMm?: Triple;
  readonly originMm?: Triple;
  /** Value of the voxels of a box, [from, to) on every axis; 0 elsewhere. */
  readonly boxes: readonly { readonly from: Triple; readonly to: Triple; readonly value: number }[];
}

export async function writeMask(
  path: string,
  { sizeVox = [10, 10, 10], spacingMm = [1, 1, 1], originMm, boxes }: Mask,
): Promise<void> {
  const data = new Uint16Array(sizeVox[0] * sizeVox[1] * sizeVox[2]);
  for (const { from, to, value } of boxes) {
    for (let x = from[0]; x < to[0]; x++) {
      for (let y = from[1]; y < to[1]; y++) {
        const row = (x * sizeVox[1] + y) * sizeVox[2];
        data.fill(value, row + from[2], row + to[2]);
      }
    }
  }
  await writeVolume(path, { data, grid: { sizeVox, affineRas: spacingAffine(spacingMm, originMm) } });
}

/** A package without a real network in `<root>/<name>/1`. */
export async function writeFakePackage(root: string, changes: Partial<ManifestDraft> = {}): Promise<void> {
  const source = await makeSource();
  await writePackage(root, draftOf(changes), { version: 1, source });
  await Deno.remove(source, { recursive: true });
}
