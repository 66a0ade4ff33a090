/** The feature maps of a graph on which a fine-tune may build: chosen by name, or those that end its stages. */
import type { Graph } from "../../graph/mod.ts";
import { type FeatureMap, featureMaps, pyramid } from "../../nets/mod.ts";
import { quoted } from "../../tensor/mod.ts";
import { refuse } from "../refuse.ts";

/** Stands for names in a request: the maps that end the encoder's stages. */
export const AUTO = "auto";
const MOST_NAMED = 20;

/**
 * The names of the maps that a request chooses, checked.
 * @throws {TypeError} a name is no value of the graph; lists the maps that there are
 * @throws {RangeError} the maps do not form a pyramid
 */
export function chosenFeatures(graph: Graph, asked: readonly string[]): string[] {
  const maps = featureMaps(graph);
  const features = asked.length === 1 && asked[0] === AUTO
    ? maps.filter(({ stage }) => stage).map(({ name }) => name)
    : [...asked];
  if (features.length === 0) refuse(`found no feature map on which a fine-tune could build; ${listed(maps)}`);
  const wrong = features.find((name) => !graph.types.has(name));
  if (wrong !== undefined) refuse(`expected feature maps of the graph, got ${quoted(wrong)}; ${listed(maps)}`);
  try {
    pyramid({ graph, features });
  } catch (error) {
    if (error instanceof Error) error.message += `; ${listed(maps)}`;
    throw error;
  }
  return features;
}

/** Maps with strides and channels, in words. */
function listed(maps: readonly FeatureMap[]): string {
  if (maps.length === 0) return "it has no maps of volumes";
  const shown = maps.slice(-MOST_NAMED).map(({ name, strides, channels }) =>
    `${name} (stride ${strides.join("×")}, ${channels} channels)`
  );
  return `it has ${maps.length > MOST_NAMED ? `${maps.length}, among them ` : ""}${shown.join(", ")}`;
}
