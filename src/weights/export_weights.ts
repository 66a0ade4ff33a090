/** A package's network as one file: safetensors with official keys and axes for PyTorch, or the ONNX graph of others. */
import { decodeModel, importModel, membersOf } from "../graph/mod.ts";
import { encodeSafetensors } from "../tensor/mod.ts";
import type { Modality } from "../inference/mod.ts";
import { familyOf, officialState } from "../nets/mod.ts";
import { DomainError } from "../storage/mod.ts";
import type { Manifest } from "../registry/mod.ts";
import { descriptionText } from "./description.ts";
import type { FormatName } from "./formats/formats.ts";
import { METADATA_KEY, metadataEntry } from "./source/metadata.ts";
import { stackTemplates } from "./templates.ts";

export interface WeightExport {
  readonly format: FormatName;
  /** The file, part by part. */
  readonly parts: readonly Uint8Array[];
  readonly tensors: number;
  readonly templates: readonly Modality[];
}

/**
 * The network of a package as a file. Its manifest goes into the metadata, so that importing the file gives the same package
 * again.
 *
 * Of a family with official files: the weights. Entries that official files hold untrained (docs/method A.1.2) are left out:
 * a strict `load_state_dict` names them, `strict=False` keeps PyTorch's own fresh values. Of a graph that was imported, or
 * fine-tuned on one: the graph itself.
 * @throws {DomainError} `wrong-task`: a graph with templates, which ONNX files cannot hold; an ensemble, whose networks official
 * files cannot hold
 */
export async function exportWeights(directory: string, manifest: Manifest): Promise<WeightExport> {
  const { architecture, modalities, provenance } = manifest;
  const network = await Deno.readFile(`${directory}/network.onnx`);
  const { template, templates } = await stackTemplates(directory, modalities);
  if (familyOf(architecture.kind).checkpoint === null) {
    if (templates !== null) {
      throw new DomainError(
        "wrong-task",
        "Cannot export the network: its templates have no place in an ONNX file; export the package (sulcus models export)",
      );
    }
    const parts = [network, metadataEntry(descriptionText(manifest, null))];
    return { format: "onnx", parts, tensors: decodeModel(network).constants.size, templates: [] };
  }
  const { constants } = importModel(network), members = membersOf({ constants });
  if (members > 1) {
    throw new DomainError(
      "wrong-task",
      `Cannot export the network: it answers by the mean of ${members} networks, and a file of weights holds one; export ` +
        "the package (sulcus models export), or fine-tune with ensemble final",
    );
  }
  const seen = provenance.recipe.batchesTracked;
  const tensors = officialState(architecture, constants, {
    template,
    batchesTracked: typeof seen === "number" ? seen : 0,
  });
  const metadata = { format: "pt", [METADATA_KEY]: descriptionText(manifest, templates) };
  const parts = encodeSafetensors(tensors, metadata);
  return { format: "safetensors", parts, tensors: tensors.size, templates: templates?.modalities ?? [] };
}
