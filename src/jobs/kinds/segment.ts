/** Segmentation: images become a mask on the grid of one of them, kept as a file of the job. */
import { z } from "zod";
import {
  INPUTS,
  type Modality,
  type Output,
  OUTPUTS,
  QUALITY_EFFORTS,
  type QualityEffort,
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
  /** The modality whose file's grid the mask is written on; default the first one. */
  readonly reference?: Modality | undefined;
  /** Default "quick". */
  readonly quality?: QualityEffort | undefined;
}

type Params = InferenceParams & Pick<SegmentRequest, "output" | "outPath" | "reference" | "quality">;

const modelTask = "segmentation";

export const segment = jobKind({
  ...INFERENCE,
  modelTask,
  files: ["mask"],
  input: inferenceStored.extend({
    output: z.enum(OUTPUTS).optional(),
    reference: z.enum(INPUTS).optional(),
    quality: z.enum(QUALITY_EFFORTS).optional(),
  }),
  async plan(wish: SegmentInput, context) {
    return { input: await planInference(wish, { verb: "segment", modelTask }, context) };
  },
  async run({ output: form = "labels", ...input }, { paths, work, ...house }: RunContext<Params, SegmentResult>) {
    const { model, version, provider, reference, quality } = input;
    const params = { ...await inferenceParams(input, house), output: form, reference, quality, outPath: paths.mask };
    const output = await work(params, provider);
    return { result: { model, version, provider: output.provider, output } };
  },
  task: ({ images, ...request }: Params, { engine, ...context }): Promise<SegmentResult> =>
    infer({ ...request, images: Object.fromEntries(images), engine, ...followedBy(context) }),
});
