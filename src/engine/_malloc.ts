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
  if (bytes === current || Deno.build.os !== "linux") return;
  current = bytes;
  try {
    const glibc = Deno.dlopen("libc.so.6", { mallopt: { parameters: ["i32", "i32"], result: "i32" } });
    glibc.symbols.mallopt(M_MMAP_THRESHOLD, bytes);
    glibc.close();
  } catch { /* another C library: it decides for itself */ }
}
