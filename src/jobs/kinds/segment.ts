/** Segmentation: images become a mask on the first one's grid, kept as a file of the job. */
import { z } from "zod";
import {
  type Output,
  OUTPUTS,
  segment as infer,
  type SegmentRequest,
  type SegmentResult,
} from "../../inference/mod.ts";
import {
  followedBy,
  INFERENCE,
  type InferenceInput,
  type InferenceParams,
  inferenceParams,
  inferenceStored,
  planInference,
} from "./inference.ts";
import { jobKind, type RunContext } from "./kind.ts";

export interface SegmentInput extends InferenceInput {
  /** Default "labels". */
  readonly output?: Output;
}

type Params = InferenceParams & Pick<SegmentRequest, "output" | "outPath">;

const modelTask = "segmentation";

export const segment = jobKind({
  ...INFERENCE,
  modelTask,
  files: ["mask"],
  input: inferenceStored.extend({ output: z.enum(OUTPUTS).optional() }),
  async plan(wish: SegmentInput, context) {
    return { input: await planInference(wish, { verb: "segment", modelTask }, context) };
  },
  async run({ output: form = "labels", ...input }, { paths, work, ...house }: RunContext<Params, SegmentResult>) {
    const { model, version, provider } = input;
    const output = await work({ ...await inferenceParams(input, house), output: form, outPath: paths.mask }, provider);
    return { result: { model, version, provider: output.provider, output } };
  },
  task: ({ images, ...request }: Params, { engine, ...context }): Promise<SegmentResult> =>
    infer({ ...request, images: Object.fromEntries(images), engine, ...followedBy(context) }),
});
