/**
 * The pre-training step as one inference graph (docs/method B.1): copies of a patch whose masked cells show a learnable
 * template or another modality, one encoder batch of both, reconstruction and contrast, reverse mode down to the
 * templates, optimizer. `sample.ts` draws what it is fed; `run.ts` holds its state.
 */
import { gradients, type Graph, GraphBuilder, type Ops, type Value } from "../../../graph/mod.ts";
import { type TensorType } from "../../../tensor/mod.ts";
import type { Triple } from "../../../volume/mod.ts";
import { symmetricContrast } from "../../step/losses.ts";
import {
  type Accumulation,
  declareWeights,
  StepNetwork,
  StepOutputs,
  updateParameter,
  updateScalars,
  updateWeights,
} from "../../step/network_step.ts";
import type { AdamConfig } from "../../recipe/optimizer.ts";

export interface PretrainingStepConfig {
  /** Of the reconstruction from the template and from another modality (docs/method B.2 row 1); the contrast's is fed. */
  readonly weights: { readonly md: number; readonly cmr: number };
  readonly temperature: number;
  readonly optimizer: AdamConfig;
  readonly templates: {
    readonly sizeVox: Triple;
    /** Samples of the micro-batch that use each of the selected templates, in their order; [2, 1]: two, then one. */
    readonly runs: readonly number[];
    /** Further templates, which are updated with a zero gradient. */
    readonly resting: number;
    /** Added to the range that a template is divided by (docs/method B.2 row 14). */
    readonly epsilon: number;
    /** Learning rate of the templates over that of the network. */
    readonly rate: number;
  };
  readonly isTrainable: (key: string) => boolean;
  /** Absent: a micro-batch is an update. */
  readonly accumulate?: Accumulation;
  /** Also output the gradients, as `gradient/<key>`. */
  readonly exposeGradients?: boolean;
}

export const PRETRAINING_LOSSES = ["loss", "md", "cmr", "contrast"] as const;
type Losses = Record<(typeof PRETRAINING_LOSSES)[number], Value>;

/**
 * Compiles the step for a network of one channel with outputs `out` and `x4`, whose input [2B, 1, …roi] takes B samples.
 *
 * | input | shape | |
 * | --- | --- | --- |
 * | `image`, `other` | [B, 1, …roi] | the patch, and the same place of another modality |
 * | `visible1`, `visible2` | [B, 1, …roi] | 1 where a copy shows the patch: of the template copy and the cross-modal one |
 * | `crossFromTemplate` | [B, 1, 1, 1, 1] | 1: the second copy, too, is filled from the template |
 * | `crossWeight` | [B] | 0: the second copy's reconstruction does not count |
 * | `contrastWeight` | [] | |
 * | `cropX`, `cropY` | [B, roi, template] | interpolation weights of the patch's voxels along an axis of the template |
 * | `cropZ` | [B, template, roi] | |
 * | `template/<k>` | [X, Y, Z] | the selected templates first, in the order of `runs` |
 *
 * and the state, `learningRate`, `step`. Outputs: `loss`, `md`, `cmr`, `contrast`, and the next state.
 * @throws {RangeError} the runs do not add up to B
 */
export function pretrainingStep(
  network: Graph,
  config: PretrainingStepConfig,
): { readonly graph: Graph; readonly state: ReadonlyMap<string, string> } {
  const b = new GraphBuilder();
  const { optimizer, accumulate, templates, exposeGradients = false } = config;
  const scalars = updateScalars(b, optimizer);
  const templateScalars = { ...scalars, learningRate: b.op.Mul(scalars.learningRate, templates.rate) };
  const weights = declareWeights(b, network, config);
  const model = new StepNetwork(b, network, { weights });
  const volumes = Array.from(
    { length: templates.runs.length + templates.resting },
    (_, k) => b.input(`template/${k}`, float(templates.sizeVox)),
  );
  const selected = volumes.slice(0, templates.runs.length);
  const losses = stepLosses(b, model, { input: network.types.get(network.inputs[0])!, selected, config });

  const keys = [...weights.trained.keys(), ...selected.map((_, k) => `template/${k}`)];
  const grads = gradients(b, losses.loss, [...weights.trained.values(), ...selected]);
  const all = new StepOutputs();
  Object.assign(all.outputs, losses);
  if (exposeGradients) keys.forEach((key, i) => all.outputs[`gradient/${key}`] = grads[i]);
  const ofWeights = grads.slice(0, weights.trained.size);
  updateWeights(b, all, { weights: weights.trained, gradients: ofWeights, optimizer, scalars, accumulate });
  volumes.forEach((p, k) => {
    const key = `template/${k}`, gradient = grads[ofWeights.length + k] ?? null;
    updateParameter(b, all, { key, p, gradient, optimizer, scalars: templateScalars, accumulate });
  });
  for (const [key, value] of model.buffers) all.replace(key, value);
  return { graph: b.build("pretraining-step", all.outputs), state: all.state };
}

const float = (shape: readonly number[]): TensorType => ({ dtype: "float32", shape });

function stepLosses(
  b: GraphBuilder,
  model: StepNetwork,
  { input, selected, config: { weights, temperature, templates } }: {
    input: TensorType;
    selected: readonly Value[];
    config: PretrainingStepConfig;
  },
): Losses {
  const { op } = b;
  const [copies, , ...roi] = input.shape;
  const n = copies / 2;
  const samples = templates.runs.reduce((a, r) => a + r, 0);
  if (samples !== n) {
    throw new RangeError(`Cannot build the pre-training step: expected runs of ${n} samples in all, got ${samples}`);
  }
  const image = b.input("image", float([n, 1, ...roi])), other = b.input("other", image);
  const visible1 = b.input("visible1", image), visible2 = b.input("visible2", image);
  const perSample = float([n, 1, 1, 1, 1]);
  const crossFromTemplate = b.input("crossFromTemplate", perSample), crossWeight = b.input("crossWeight", float([n]));
  const contrastWeight = b.input("contrastWeight", float([]));
  const windows = [0, 1, 2].map((a) => {
    const sizes = [roi[a], templates.sizeVox[a]];
    return b.input(`crop${"XYZ"[a]}`, float([n, ...(a < 2 ? sizes : sizes.reverse())]));
  });

  const scaled = selected.map((t) => minMax(op, t, templates.epsilon));
  const owner = templates.runs.flatMap((run, k) => Array<number>(run).fill(k));
  const fill = concat(op, owner.map((k, i) => patchOf(op, scaled[k], windows.map((w) => row(op, w, i)))));
  const mixed = (visible: Value, hidden: Value) => op.Add(op.Mul(visible, image), op.Mul(op.Sub(1, visible), hidden));
  const crossFill = op.Add(op.Mul(crossFromTemplate, fill), op.Mul(op.Sub(1, crossFromTemplate), other));
  const batch = op.Concat(mixed(visible1, fill), mixed(visible2, crossFill), { axis: 0 });

  const outputs = model.forward(batch);
  const half = (name: string, i: number) => op.Slice(outputs.get(name)!, [i * n], [(i + 1) * n], [0], [1]);
  const error = (i: number) => {
    const d = op.Sub(half("out", i), image);
    return op.ReduceMean(op.Mul(d, d), [1, 2, 3, 4], { keepdims: 0 });
  };
  const mean = (v: Value) => op.ReduceMean(v, null, { keepdims: 0 });
  const md = mean(error(0)), cmr = mean(op.Mul(error(1), crossWeight));
  const contrast = symmetricContrast(op, half("x4", 0), half("x4", 1), { temperature });
  const reconstruction = op.Add(op.Mul(md, weights.md), op.Mul(cmr, weights.cmr));
  return { loss: op.Add(reconstruction, op.Mul(contrast, contrastWeight)), md, cmr, contrast };
}

const concat = (op: Ops, parts: readonly Value[]) => parts.length === 1 ? parts[0] : op.Concat(...parts, { axis: 0 });

/** Entry `i` of the leading axis, without that axis. */
function row(op: Ops, v: Value, i: number): Value {
  return op.Reshape(op.Slice(v, [i], [i + 1], [0], [1]), v.shape.slice(1));
}

/** (t − min)/(max − min + ε) over the whole template; the gradient flows through min and max. */
function minMax(op: Ops, t: Value, epsilon: number): Value {
  const low = op.ReduceMin(t, null, { keepdims: 1 }), high = op.ReduceMax(t, null, { keepdims: 1 });
  return op.Div(op.Sub(t, low), op.Add(op.Sub(high, low), epsilon));
}

/** The part of a template under a patch: one product per axis, which interpolates, pads and leads the gradient back. */
function patchOf(op: Ops, template: Value, [wx, wy, wz]: readonly Value[]): Value {
  const [nx, ny, nz] = template.shape;
  const [rx, ry, rz] = [wx.shape[0], wy.shape[0], wz.shape[1]];
  const x = op.Reshape(op.MatMul(wx, op.Reshape(template, [nx, ny * nz])), [rx, ny, nz]);
  const xy = op.Reshape(op.MatMul(wy, x), [rx * ry, nz]);
  return op.Reshape(op.MatMul(xy, wz), [1, 1, rx, ry, rz]);
}
