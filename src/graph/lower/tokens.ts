/**
 * Tokens of volumes. The channels of a volume go last while it is a volume, not when it is a row of voxels: a device whose
 * convolutions leave the channels last then moves nothing.
 */
import type { Ops, Value } from "../ir/ir.ts";
import { sameShape } from "../../tensor/mod.ts";
import { pass } from "./pass.ts";

const isTurn = (perm: readonly number[]) => perm.join() === "0,2,1";

/** [N, C, …size] → [N, V, C], and back. */
export const VOLUME_TOKENS = pass({
  name: "volume-tokens",
  ops: ["Transpose", "Reshape"],
  match: ({ node, x: [x], y, producers: [made] }) => {
    if (node.op === "Transpose") {
      if (made?.op !== "Reshape" || !isTurn(node.attrs.perm)) return undefined;
      const [volume] = made.x, axes = volume.shape.map((_, k) => k);
      if (volume.shape.length < 4 || !sameShape(volume.shape.slice(0, 2), x.shape.slice(0, 2))) return undefined;
      const perm = [0, ...axes.slice(2), 1];
      return { build: (op: Ops): Value => op.Reshape(op.Transpose(volume, { perm }), y.shape) };
    }
    if (made?.op !== "Transpose" || !isTurn(made.attrs.perm)) return undefined;
    const [tokens] = made.x, [n, c, ...size] = y.shape, rank = y.shape.length;
    if (rank < 4 || n !== x.shape[0] || c !== x.shape[1]) return undefined;
    const perm = [0, rank - 1, ...size.map((_, i) => i + 1)];
    return { build: (op: Ops): Value => op.Transpose(op.Reshape(tokens, [n, ...size, c]), { perm }) };
  },
  rewrite: (op, _, { build }) => build(op),
});
