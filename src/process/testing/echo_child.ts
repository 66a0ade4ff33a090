/** The child of the supervisor's tests: one method for each way to behave. */
import { emit, serve } from "../serve.ts";

class OddError extends Error {
  override readonly name = "OddError";
  readonly code = "odd";
}

let wake = () => {};

serve({
  echo: (params: unknown) => params,
  /** Answers after the next call of `wake`. */
  wait: () => new Promise<void>((resolve) => wake = resolve),
  wake: () => wake(),
  sleep: async ({ ms }: { ms: number }) => await new Promise((resolve) => setTimeout(resolve, ms)),
  /** Blocks the thread, like a native call. */
  block: ({ ms }: { ms: number }) => {
    emit("blocking");
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
  },
  exit: ({ code }: { code: number }) => Deno.exit(code),
  complain: ({ text }: { text: string }) => {
    console.error(text);
    Deno.exit(134);
  },
  print: () => console.log("not a message"),
  throwRange: () => {
    throw new RangeError("too far");
  },
  throwOdd: () => {
    throw new OddError("it is odd");
  },
});
