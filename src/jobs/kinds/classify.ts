/** Classification: images become probabilities of a model's classes. */
import { classify as infer, type ClassifyResult } from "../../inference/mod.ts";
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

const modelTask = "classification";

export const classify = jobKind({
  ...INFERENCE,
  modelTask,
  files: [],
  input: inferenceStored,
  async plan(wish: InferenceInput, context) {
    return { input: await planInference(wish, { verb: "classify", modelTask }, context) };
  },
  async run(input, { work, ...house }: RunContext<InferenceParams, ClassifyResult>) {
    const { model, version, provider } = input;
    const output = await work(await inferenceParams(input, house), provider);
    return { result: { model, version, provider: output.provider, output } };
  },
  task: ({ images, ...request }: InferenceParams, { engine, ...context }): Promise<ClassifyResult> =>
    infer({ ...request, images: Object.fromEntries(images), engine, ...followedBy(context) }),
});
