/** The fields that say how a network is served: each fills one setting of the package's pre-processing or inference. */
import { z } from "zod";
import { CROP_EDGE } from "../../train/mod.ts";
import type { Field } from "./field.ts";

/** Edge of the official segmentation windows (docs/method B.3 row 22), voxels. */
export const DEFAULT_EDGE = 96;
const { multiple, most, expected } = CROP_EDGE;
const EDGE = `expected ${expected}`;
const edge = z.coerce.number(EDGE).int(EDGE).min(multiple, EDGE).max(most, EDGE).multipleOf(multiple, EDGE);

export const SERVING_FIELDS = {
  roi: {
    value: "N",
    schema: edge.optional().describe(
      `Edge of the window that the network is written for, voxels, ${expected}. Default ${DEFAULT_EDGE}`,
    ),
  },
} satisfies Readonly<Record<string, Field>>;
