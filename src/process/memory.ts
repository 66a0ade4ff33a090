/** Gives the system what this process holds and nobody uses: V8's garbage (with `--expose-gc`), then glibc's free blocks. */
export function giveBackMemory(): void {
  (globalThis as { gc?: () => void }).gc?.();
  if (Deno.build.os !== "linux") return;
  try {
    const glibc = Deno.dlopen("libc.so.6", { malloc_trim: { parameters: ["usize"], result: "i32" } });
    glibc.symbols.malloc_trim(0n);
    glibc.close();
  } catch { /* another C library: it decides for itself */ }
}
