/** The file with the network among several that were given together. */
import { basename } from "node:path";
import { quoted } from "../../tensor/mod.ts";
import { refuse } from "../refuse.ts";

/** Kinds of files that hold a network, by their endings; a graph comes before weights alone. */
const KINDS = [/\.onnx$/i, /\.(pth?|ckpt|safetensors)$/i] as const;
/** The checkpoint that nnU-Net predicts with, among those that a training leaves. */
const PREFERRED = "checkpoint_final.pth";
const MOST_NAMED = 10;

/** Files that systems add to archives and folders by themselves. */
export const isNoise = (name: string): boolean => /(^|\/)(__MACOSX\/|\._|\.DS_Store$|Thumbs\.db$)/.test(name);

/** The network among files, and checkpoints of the same network that were passed over. */
export interface Chosen {
  readonly name: string;
  readonly others: readonly string[];
}

/** Folders of nnU-Net's exports, the ones that are taken before others. */
const FIRST = [/__3d_fullres\//, /\/fold_0\//, /\/fold_all\//];

/**
 * The one network among files; of nnU-Net's folds and configurations the first.
 * @throws {TypeError} there is none, or several; the message names those that there are
 */
export function networkAmong(names: readonly string[]): Chosen {
  const kept = names.filter((name) => !isNoise(name));
  for (const kind of KINDS) {
    const found = kept.filter((name) => kind.test(name));
    const preferred = found.filter((name) => basename(name) === PREFERRED);
    const chosen = found.length === 1 ? found : preferred;
    if (chosen.length > 0) {
      const rank = (name: string) => FIRST.reduce((points, words) => 2 * points + (words.test(name) ? 0 : 1), 0);
      const [name, ...others] = chosen.toSorted((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
      return { name, others };
    }
    if (found.length > 1) refuseFiles("expected one network", found);
  }
  const others = kept.filter((name) => !name.toLowerCase().endsWith(".json"));
  if (others.length === 1) return { name: others[0], others: [] }; // a form need not name its only network
  return refuseFiles("expected a file that ends in .onnx, .pt, .pth or .safetensors", kept);
}

function refuseFiles(expected: string, got: readonly string[]): never {
  const shown = got.slice(0, MOST_NAMED).map(quoted).join(", ");
  const more = got.length > MOST_NAMED ? `, … (${got.length})` : "";
  return refuse(`${expected} among the files, got ${shown || "none"}${more}`);
}
