/** A session as a function of windows. */
import type { Session } from "../../engine/mod.ts";
import { tensor } from "../../tensor/mod.ts";

/** Runs windows [B, C, …roi] and returns their logits [B, K, …roi]. */
export type RunWindow = (input: Float32Array, shape: readonly number[]) => Promise<Float32Array>;

/** A network that takes longer than this for a batch has hung. */
export const RUN_TIMEOUT_MS = 600_000;

/** A session as a window function: its first input is the image, its first output the answer, as float32. */
export function windowRunner(session: Session, timeoutMs?: number): RunWindow {
  const [image] = Object.keys(session.inputs), [answer] = Object.keys(session.outputs);
  return async (input, shape) => {
    const outputs = await session.run({ [image]: tensor("float32", shape, input) }, { fetch: [answer], timeoutMs });
    const { data } = outputs[answer];
    return data instanceof Float32Array ? data : Float32Array.from(data, Number);
  };
}
