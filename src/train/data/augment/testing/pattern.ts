/** Arrays that every language can make, and their comparison, for tests against other programs. */
import assert from "node:assert/strict";
import type { Triple } from "../../../../volume/mod.ts";

/** ((a·x + b·y + c·z) mod m) / m, [X, Y, Z]. */
export function pattern(
  [nx, ny, nz]: Triple,
  { multipliers: [a, b, c], modulus }: { readonly multipliers: Triple; readonly modulus: number } = {
    multipliers: [31, 17, 7],
    modulus: 23,
  },
): Float32Array {
  return Float32Array.from({ length: nx * ny * nz }, (_, v) => {
    const x = Math.floor(v / (ny * nz)), y = Math.floor(v / nz) % ny;
    return ((a * x + b * y + c * (v % nz)) % modulus) / modulus;
  });
}

/** Asserts that numbers lie within `tolerance` of others, and prints the worst. */
export function assertClose(found: Iterable<number>, expected: readonly number[], tolerance: number): void {
  const got = [...found];
  assert.equal(got.length, expected.length, "numbers of values differ");
  const off = got.map((v, i) => Number.isFinite(v) ? Math.abs(v - expected[i]) : Infinity);
  const worst = off.indexOf(Math.max(...off));
  assert.ok(off[worst] <= tolerance, `element ${worst}: ${got[worst]}, expected ${expected[worst]} ± ${tolerance}`);
}
