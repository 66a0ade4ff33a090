/** A rotation about every axis; of crops with thick slices about the thick axis only, which mixes no slices. */
import { perAxis, type Triple } from "../../../volume/mod.ts";
import type { Random } from "../../../tensor/mod.ts";
import type { Augmentation } from "../../recipe/augmentation.ts";
import { between, happens } from "./kind.ts";
import { IDENTITY, type Matrix, times } from "./matrix.ts";

/** In millimetres; null: none was drawn. */
export function drawRotation(
  { chance, degrees }: Augmentation["rotation"],
  thick: number | null,
  random: Random,
): Matrix | null {
  if (!happens(chance, random)) return null;
  const angles = perAxis(() => between(-degrees, degrees, random) * Math.PI / 180);
  return rotation(perAxis((a) => thick === null || a === thick ? angles[a] : 0));
}

/** About x, then y, then z, radians. */
export function rotation(angles: Triple): Matrix {
  return angles.reduce((matrix, angle, axis) => times(aboutAxis(axis, angle), matrix), IDENTITY);
}

function aboutAxis(axis: number, angle: number): Matrix {
  const [u, v] = [(axis + 1) % 3, (axis + 2) % 3];
  const out = [...IDENTITY], cos = Math.cos(angle), sin = Math.sin(angle);
  out[3 * u + u] = out[3 * v + v] = cos;
  out[3 * u + v] = -sin;
  out[3 * v + u] = sin;
  return out;
}
