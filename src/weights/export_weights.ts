/** A package's weights as a safetensors file with the keys and axes of official files, for PyTorch. */
import { importModel } from "../graph/mod.ts";
import { encodeSafetensors } from "../tensor/mod.ts";
import type { Modality } from "../inference/mod.ts";
import { familyOf, officialState } from "../nets/mod.ts";
import { DomainError } from "../storage/mod.ts";
import { type Manifest, specOf } from "../registry/mod.ts";
import { metadataOf } from "./description.ts";
import { stackTemplates } from "./templates.ts";

export interface WeightExport {
  /** The file, part by part. */
  readonly parts: readonly Uint8Array[];
  readonly tensors: number;
  readonly templates: readonly Modality[];
}

/**
 * The weights of a package whose family has official files. Its spec goes into the metadata, so that importing the file
 * gives the same package again. Entries that official files hold untrained (docs/method A.1.2) are left out: a strict
 * `load_state_dict` names them, `strict=False` keeps PyTorch's own fresh values.
 * @throws {DomainError} `wrong-task`: the network is an imported graph, whose keys are its own
 */
export async function exportWeights(directory: string, manifest: Manifest): Promise<WeightExport> {
  const { architecture, modalities, provenance } = manifest;
  if (familyOf(architecture.kind).checkpoint === null) {
    throw new DomainError(
      "wrong-task",
      "Cannot export the weights: the network is an imported ONNX graph; export the package (sulcus models export)",
    );
  }
  const { constants } = importModel(await Deno.readFile(`${directory}/network.onnx`));
  const { template, templates } = await stackTemplates(directory, modalities);
  const seen = provenance.recipe.batchesTracked;
  const tensors = officialState(architecture, constants, {
    template,
    batchesTracked: typeof seen === "number" ? seen : 0,
  });
  const parts = encodeSafetensors(tensors, { format: "pt", ...metadataOf({ spec: specOf(manifest), templates }) });
  return { parts, tensors: tensors.size, templates: templates?.modalities ?? [] };
}
