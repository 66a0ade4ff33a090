/** A package's weights as a safetensors file with the keys and axes of official files, for PyTorch. */
import { importModel } from "../graph/mod.ts";
import { encodeSafetensors, sizeOf, type Tensor, tensor } from "../tensor/mod.ts";
import { type Modality, readTemplate } from "../inference/mod.ts";
import { familyOf, officialState } from "../nets/mod.ts";
import { applyAffine, type GridImage, sameGrid, spacingOf } from "../volume/mod.ts";
import { DomainError } from "../storage/mod.ts";
import { METADATA_KEY, type TemplateStack } from "./import_tensors.ts";
import { type Manifest, specOf } from "../registry/mod.ts";

export interface WeightExport {
  /** The file, part by part. */
  readonly parts: readonly Uint8Array[];
  readonly tensors: number;
  readonly templates: readonly Modality[];
}

/**
 * The weights of a package whose network is one of ours. Its spec goes into the metadata, so that importing the file gives
 * the same package again. Entries that official files hold untrained (docs/method A.1.2) are not written: a strict
 * `load_state_dict` names them, `strict=False` leaves them at PyTorch's own fresh values.
 * @throws {DomainError} `wrong-task`: the network is an imported graph, whose keys are its own
 */
export async function exportWeights(directory: string, manifest: Manifest): Promise<WeightExport> {
  const { architecture, provenance } = manifest;
  if (familyOf(architecture.kind).checkpoint === null) {
    throw new DomainError(
      "wrong-task",
      "Cannot export the weights: the network is an imported ONNX graph; export the package (sulcus models export)",
    );
  }
  const { constants } = importModel(await Deno.readFile(`${directory}/network.onnx`));
  const { template, templates } = await stackTemplates(directory, manifest);
  const seen = provenance.recipe.batchesTracked;
  const tensors = officialState(architecture, constants, {
    template,
    batchesTracked: typeof seen === "number" ? seen : 0,
  });
  const parts = encodeSafetensors(tensors, {
    format: "pt",
    [METADATA_KEY]: JSON.stringify({ spec: specOf(manifest), templates }),
  });
  return { parts, tensors: tensors.size, templates: templates?.modalities ?? [] };
}

/** The package's templates [modalities, X, Y, Z], in the order of its modalities, and where they lie. */
async function stackTemplates(
  directory: string,
  { modalities }: Manifest,
): Promise<{ template?: Tensor; templates: TemplateStack | null }> {
  const found: (GridImage & { readonly modality: Modality })[] = [];
  for (const modality of modalities) {
    const image = await readTemplate(directory, modality, "raw");
    if (image !== null) found.push({ modality, ...image });
  }
  if (found.length === 0) return { templates: null };
  const [{ sizeVox, affineRas }] = found;
  const odd = found.find((t) => !sameGrid(t, found[0]));
  if (odd !== undefined) {
    throw new RangeError(
      `Cannot export the templates as one tensor: expected all on one grid, got another for ${odd.modality}`,
    );
  }
  const voxels = sizeOf(sizeVox);
  const all = new Float32Array(found.length * voxels);
  found.forEach(({ data }, i) => all.set(data, i * voxels));
  const [x, y, z] = sizeVox;
  return {
    template: tensor("float32", [found.length, ...sizeVox], all),
    templates: {
      modalities: found.map((t) => t.modality),
      spacingMm: [...spacingOf(affineRas)],
      middleMm: [...applyAffine(affineRas, [(x - 1) / 2, (y - 1) / 2, (z - 1) / 2])],
    },
  };
}
