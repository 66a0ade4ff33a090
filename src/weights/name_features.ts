/** Names the feature maps of a package with an imported graph afterwards: a further version, since versions never change. */
import { importModel, mainOf } from "../graph/mod.ts";
import type { ModelSpec } from "../inference/mod.ts";
import { readingOf } from "../nets/mod.ts";
import type { Readers } from "../process/mod.ts";
import type { Bringer, ModelVersion, Registry } from "../registry/mod.ts";
import { DomainError } from "../storage/mod.ts";
import { inImportProcess } from "./import_process.ts";
import { chosenFeatures } from "./onnx/features.ts";

export interface FeatureWish {
  readonly model: string;
  readonly version: number;
  /** Names of values of the graph; `auto` alone: the ends of its stages. */
  readonly features: readonly string[];
  /** For the audit trail. */
  readonly bringer: Bringer;
  /** Default: some of its own. */
  readonly readers?: Readers;
}

/**
 * Adds a candidate with the same files whose manifest names these feature maps, so that a fine-tune may build on them.
 * @throws {DomainError} `not-found`, `package-tampered`; `wrong-task`: no imported graph; `invalid-weights`: a name is no
 * feature map, with those that there are
 */
export async function nameFeatures(
  registry: Pick<Registry, "resolve" | "addMade">,
  { model, version, features: asked, bringer, readers }: FeatureWish,
): Promise<ModelVersion> {
  const base = await registry.resolve(model, version);
  const { directory, manifest } = base, { architecture, provenance } = manifest;
  if (architecture.kind !== "onnx") {
    throw new DomainError(
      "wrong-task",
      `Cannot name feature maps: expected a network imported from ONNX, got ${architecture.kind}, which has its own`,
    );
  }
  const reply = await inImportProcess(
    { kind: "features", directory, spec: manifest, features: asked },
    { reads: [directory], writes: [], readers },
  );
  const { formatVersion: _, version: __, files, ...draft } = manifest;
  const { job: ___, ...former } = provenance;
  const made = await registry.addMade(async (folder) => {
    await copyFiles(Object.keys(files), { from: directory, to: folder });
    return {
      draft: {
        ...draft,
        architecture: { ...architecture, config: { ...architecture.config, features: [...reply.features] } },
        provenance: {
          ...former,
          baseModel: base.name,
          baseVersion: base.version,
          createdAt: new Date().toISOString(),
          note: `${former.note} Feature maps named afterwards: the network is that of version ${base.version}.`,
        },
      },
    };
  }, bringer);
  return made.version;
}

/** The names of a package's maps that a wish chooses. @throws {SyntaxError | TypeError | RangeError} they are refused */
export async function featuresOfPackage(
  directory: string,
  { architecture, modalities, inference }: Pick<ModelSpec, "architecture" | "modalities" | "inference">,
  features: readonly string[],
): Promise<string[]> {
  const bytes = await Deno.readFile(`${directory}/network.onnx`);
  const inputShape = [1, modalities.length, ...inference.roi];
  const graph = mainOf(importModel(bytes, { inputShape, ...readingOf(architecture, "whole") }));
  return chosenFeatures(graph, features);
}

async function copyFiles(
  files: readonly string[],
  { from, to }: { readonly from: string; readonly to: string },
): Promise<void> {
  for (const file of files) {
    if (file.includes("/")) await Deno.mkdir(`${to}/${file.slice(0, file.lastIndexOf("/"))}`, { recursive: true });
    await Deno.copyFile(`${from}/${file}`, `${to}/${file}`);
  }
}
