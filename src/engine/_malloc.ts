/**
 * How a device's process gets its memory from glibc: freed blocks from a size on go back to the system at once, smaller
 * ones stay for the next node. Where there is no glibc, nothing is set.
 */

/** Blocks of this size and more are given back, bytes. */
export const RETURNED_BYTES = {
  /** For speed: fresh pages cost system time, a third of a small network's step. */
  fast: 32 * 2 ** 20,
  /** For memory: what is in use is hardly less than what the process has. */
  saving: 2 ** 20,
} as const;

const M_MMAP_THRESHOLD = -3;

/** The environment of a process that starts `fast`: up to 1 GiB of smaller blocks stays with it. */
export const MALLOC_TUNABLES =
  `glibc.malloc.trim_threshold=1073741824:glibc.malloc.mmap_threshold=${RETURNED_BYTES.fast}`;

let current: number = RETURNED_BYTES.fast;

/** Sets it for the blocks that this process asks for from now on. */
export function returnBlocksFrom(bytes: number): void {
  if (bytes === current) return;
  current = bytes;
  withGlibc(({ mallopt }) => mallopt(M_MMAP_THRESHOLD, bytes));
}

/** Gives the system what this process holds and nobody uses: V8's garbage (with `--expose-gc`), then glibc's free blocks. */
export function giveBackMemory(): void {
  (globalThis as { gc?: () => void }).gc?.();
  withGlibc(({ malloc_trim }) => malloc_trim(0n));
}

const GLIBC = {
  mallopt: { parameters: ["i32", "i32"], result: "i32" },
  malloc_trim: { parameters: ["usize"], result: "i32" },
} as const;

function withGlibc(work: (glibc: Deno.DynamicLibrary<typeof GLIBC>["symbols"]) => void): void {
  if (Deno.build.os !== "linux") return;
  try {
    const glibc = Deno.dlopen("libc.so.6", GLIBC);
    work(glibc.symbols);
    glibc.close();
  } catch { /* another C library: it decides for itself */ }
}
