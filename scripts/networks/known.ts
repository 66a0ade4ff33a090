/** Refusals that cannot be otherwise: network → the check that meets it, and its words. */
export const KNOWN: ReadonlyMap<string, RegExp> = new Map([
  // PyTorch's newer exporter fails on its shortcuts, which are padded with zeros
  ["monai-resnet18", /^export: PyTorch does not export it/],
]);
