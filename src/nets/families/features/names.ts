/** What the names of an imported graph's constants say: exporters keep those of the source's parameters and buffers. */

/** Names that exporters make up: `onnx::MatMul_12`, `val_3`, `/norm/Constant_output_0`, `12`. */
const MADE_UP = /^(\/|_*val_|const|lifted_|_to_|\d+$)|::|_output_\d+$|ReadVariableOp/i;

/** Last parts of names of a module's own parameters at the top of a network, where no dot shows it. */
const PARAMETER =
  /(weight|bias|gamma|beta|alpha|slope|token|embed|embedding|embeddings|table|query|queries|latents?|prompt|temperature|logit_scale)s?$/i;

/** Names of buffers: what a network stores and does not train. */
const BUFFER =
  /(^|[._])(running_mean|running_var|num_batches_tracked|masks?|attn_mask|\w*_index|\w*coords\w*|anchors?|grids?|inv_freq|freqs?\w*|sincos\w*|sin|cos)$|(^|\.)(\w+_)?(mean|std|var|variance)$/i;

/** True for the name of a parameter or buffer of the source. */
export const isOwnName = (name: string): boolean => !MADE_UP.test(name) && (name.includes(".") || PARAMETER.test(name));

/** True for the name of a buffer. */
export const isBufferName = (name: string): boolean => BUFFER.test(name) || /coords/i.test(name);
