/** The network that nnU-Net's plans name, as an architecture that is built here. */
import { z } from "zod";
import type { Preset } from "../preset.ts";
import type { Configuration } from "./plans.ts";

const edges = z.union([z.int().min(1), z.array(z.int().min(1)).length(3)]);
const count = z.int().min(1);
const perStage = z.union([count, z.array(count)]);

const kwargsSchema = z.looseObject({
  n_stages: count,
  features_per_stage: perStage,
  kernel_sizes: z.union([count, z.array(edges)]),
  strides: z.union([count, z.array(edges)]),
  n_conv_per_stage: perStage.optional(),
  n_blocks_per_stage: perStage.optional(),
  n_conv_per_stage_decoder: perStage,
  conv_bias: z.boolean().optional(),
  norm_op: z.string().nullish(),
  norm_op_kwargs: z.record(z.string(), z.unknown()).nullish(),
  nonlin: z.string().nullish(),
  nonlin_kwargs: z.record(z.string(), z.unknown()).nullish(),
});
type Kwargs = z.infer<typeof kwargsSchema>;

const architectureSchema = z.looseObject({ network_class_name: z.string(), arch_kwargs: kwargsSchema });

/** The fields of plans from before nnU-Net 2.4. */
const oldSchema = z.looseObject({
  UNet_class_name: z.string(),
  UNet_base_num_features: count,
  unet_max_num_features: count,
  n_conv_per_stage_encoder: z.array(count).min(2),
  n_conv_per_stage_decoder: z.array(count),
  pool_op_kernel_sizes: z.array(edges),
  conv_kernel_sizes: z.array(edges),
});

interface Planned {
  readonly className: string;
  readonly kwargs: Kwargs;
}

/** The network that a configuration plans, or why it cannot be told. */
function plannedIn(configuration: Configuration): Planned | string {
  if (configuration.architecture !== undefined) {
    const found = architectureSchema.safeParse(configuration.architecture);
    if (!found.success) return `an architecture with another field ${found.error.issues[0].path.join(".")}`;
    const { network_class_name, arch_kwargs } = found.data;
    return { className: network_class_name.split(".").at(-1)!, kwargs: arch_kwargs };
  }
  const found = oldSchema.safeParse(configuration);
  if (!found.success) return "no architecture";
  const old = found.data;
  const stages = old.n_conv_per_stage_encoder.length;
  return {
    className: old.UNet_class_name,
    kwargs: {
      n_stages: stages,
      features_per_stage: Array.from(
        { length: stages },
        (_, i) => Math.min(old.UNet_base_num_features * 2 ** i, old.unet_max_num_features),
      ),
      kernel_sizes: old.conv_kernel_sizes,
      strides: old.pool_op_kernel_sizes,
      n_conv_per_stage: old.n_conv_per_stage_encoder,
      n_blocks_per_stage: old.n_conv_per_stage_encoder,
      n_conv_per_stage_decoder: old.n_conv_per_stage_decoder,
      conv_bias: true,
    },
  };
}

const notBuilt = (planned: string) => ({
  refused: `plans.json plans ${planned}, which is not built here: export the network (torch.onnx.export of ` +
    "nnUNetPredictor's network) and import that file beside plans.json",
});

/** The architecture of a configuration for `inputs` channels and `outputs` logits. */
export function networkOf(
  configuration: Configuration,
  { inputs, outputs }: { readonly inputs: number; readonly outputs: number },
): NonNullable<Preset["network"]> {
  const planned = plannedIn(configuration);
  if (typeof planned === "string") return notBuilt(planned);
  const { className, kwargs } = planned;
  const refused = faultOf(className, kwargs);
  if (refused !== null) return notBuilt(refused);
  const stages = kwargs.n_stages, residual = className === "ResidualEncoderUNet";
  const list = (value: number | readonly number[], length: number) =>
    typeof value === "number" ? Array<number>(length).fill(value) : [...value];
  const triples = (value: number | readonly (number | readonly number[])[]) =>
    (typeof value === "number" ? Array<number>(stages).fill(value) : value).flatMap((edge) =>
      typeof edge === "number" ? [edge, edge, edge] : edge
    );
  const blocks = residual ? kwargs.n_blocks_per_stage : kwargs.n_conv_per_stage;
  return {
    built: {
      kind: "nnunet",
      config: {
        inChannels: inputs,
        outChannels: outputs,
        features: list(kwargs.features_per_stage, stages),
        kernels: triples(kwargs.kernel_sizes),
        strides: triples(kwargs.strides),
        blocks: list(blocks ?? 2, stages),
        decoderBlocks: list(kwargs.n_conv_per_stage_decoder, stages - 1),
        residual,
        bias: kwargs.conv_bias ?? false,
        deepSupervision: true,
      },
    },
  };
}

const CLASSES = ["PlainConvUNet", "ResidualEncoderUNet"];

/** Settings that change a network's numbers, and that ours have one value of. */
function faultOf(
  className: string,
  { norm_op, norm_op_kwargs, nonlin, nonlin_kwargs, ...others }: Kwargs,
): string | null {
  const lastName = (name: string | null | undefined) => name?.split(".").at(-1);
  const differs = (what: string, got: unknown, ...expected: unknown[]) =>
    got === undefined || got === null || expected.includes(got) ? null : `${what} ${JSON.stringify(got)}`;
  const faults = [
    CLASSES.includes(className) ? null : `the network ${className}`,
    norm_op === null ? "no normalisation" : differs("the normalisation", lastName(norm_op), "InstanceNorm3d"),
    differs("eps", norm_op_kwargs?.eps, 1e-5),
    differs("affine", norm_op_kwargs?.affine, true),
    nonlin === null ? "no activation" : differs("the activation", lastName(nonlin), "LeakyReLU"),
    differs("negative_slope", nonlin_kwargs?.negative_slope, 0.01),
    differs("nonlin_first", others.nonlin_first, false),
    differs("stem_channels", others.stem_channels),
    differs("bottleneck_channels", others.bottleneck_channels),
    differs("the block", lastName(others.block as string | undefined), "BasicBlockD"),
    others.squeeze_excitation ? "squeeze_excitation" : null,
  ].filter((fault) => fault !== null);
  return faults.length === 0 ? null : faults.join(", ");
}
