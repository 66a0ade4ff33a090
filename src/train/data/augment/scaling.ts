/** A factor by which structures appear larger or smaller; of crops with thick slices not along the thick axis. */
import type { Random } from "../../../tensor/mod.ts";
import type { Augmentation } from "../../recipe/augmentation.ts";
import { factorAround1, happens } from "./kind.ts";
import { IDENTITY, type Matrix } from "./matrix.ts";

/** From the crop's offsets to the volume's; null: none was drawn. */
export function drawScaling(
  { chance, smallest, largest }: Augmentation["scaling"],
  thick: number | null,
  random: Random,
): Matrix | null {
  if (!happens(chance, random)) return null;
  const factor = factorAround1(smallest, largest, random);
  return IDENTITY.map((one, i) => one === 1 && i / 4 !== thick ? 1 / factor : one);
}
