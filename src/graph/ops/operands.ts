/** Operands that operators need to know: axes, and the numbers of constants. */
import { type Tensor, toNumbers } from "../../tensor/mod.ts";

/** The axis counted from the start. @throws {RangeError} the tensor has no such axis */
export function normalizeAxis(axis: number, rank: number): number {
  const a = axis < 0 ? axis + rank : axis;
  if (a < 0 || a >= rank) throw new RangeError(`expected an axis of a rank-${rank} tensor, got ${axis}`);
  return a;
}

/** The numbers of a constant input. @throws {TypeError} it is computed at run time */
export function constantNumbers(input: { readonly constant?: Tensor | undefined }, what: string): number[] {
  if (input.constant === undefined) throw new TypeError(`expected constant ${what}, got a computed value`);
  return toNumbers(input.constant);
}
