/** Recognises the network of a state dictionary by its keys and shapes. */
import { quoted } from "../../tensor/mod.ts";
import { CHECKPOINT_FAMILIES, type NetworkKind } from "../families/families.ts";
import type { Identified, IdentifyOptions, Shapes } from "../families/family.ts";

/**
 * A key of an official file as the networks here name it: without the prefixes of DistributedDataParallel and
 * torch.compile, and in the family's own spelling (docs/method A.1.3, A.1.4).
 */
export function plainKey(key: string): string {
  const bare = key.replace(/^((module|_orig_mod)\.)+/, "");
  return CHECKPOINT_FAMILIES.reduce((found, family) => family.plainKey(found), bare);
}

/**
 * The network with these keys.
 * @throws {TypeError} the keys belong to no network here, or some are missing that show its sizes
 */
export function identifyNetwork(shapes: Shapes, options: IdentifyOptions = {}): Identified<NetworkKind> {
  const family = CHECKPOINT_FAMILIES.find(({ markers }) => markers.some((key) => shapes.has(key)));
  if (family !== undefined) return family.identify(shapes, options);
  const keys = [...shapes.keys()].slice(0, 3).map(quoted).join(", ");
  const expected = CHECKPOINT_FAMILIES.map(({ title }) => title).join(" or ");
  throw new TypeError(`Cannot recognise the network: expected keys of ${expected}, got ${keys || "none"}`);
}
