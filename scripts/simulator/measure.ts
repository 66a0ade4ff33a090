/** Measures how many crops the simulator makes a second on one core. */
import process from "node:process";
import { readAnatomy } from "./anatomy/anatomy.ts";
import type { LesionMask } from "./lesions/lesion_masks.ts";
import { MODALITIES } from "./image/modalities.ts";
import { simulateCrop } from "./simulate.ts";

const SIDE = 64;
const SECONDS = 4;

/** Prints crops of 64³ a second with 1, 4 and 8 modalities. */
export async function measureCrops(path: string, lesions: readonly LesionMask[]): Promise<void> {
  const anatomy = await readAnatomy(path);
  for (const count of [1, 4, 8]) {
    const modalities = MODALITIES.slice(0, count);
    const crop = (seed: number) => simulateCrop(anatomy, { seed, modalities, lesions, sizeVox: [SIDE, SIDE, SIDE] });
    for (let seed = 0; seed < 3; seed++) crop(seed);
    // The process's own time: another program on the core must not count.
    const began = process.cpuUsage().user;
    let made = 0;
    while (process.cpuUsage().user - began < 1e6 * SECONDS) crop(made++);
    const rate = made / (process.cpuUsage().user - began) * 1e6;
    console.log(`${count} modalities: ${rate.toFixed(1)} crops of ${SIDE}³ a second of processor time`);
  }
}
