/** Faults that lie in an export, not in Sulcus: network → what a row says. */
export const KNOWN: ReadonlyMap<string, RegExp> = new Map([
  // MONAI detaches the padded shortcuts: the older exporter stores them as constants, the newer one fails
  ["monai-resnet18-a", /^(output on \w+ differs|export: PyTorch does not export it)/],
  // the older exporter splits with a loop over a sequence; the newer one does not
  ["torchvision-mvit", /^import: .*SequenceEmpty/],
]);
