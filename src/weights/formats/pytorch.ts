/** Files that PyTorch's `torch.save` writes: a zip with a pickle and raw storages. */
import { TENSOR_LIMITS } from "../../tensor/mod.ts";
import { type ZipLimits, ZipReader } from "../../storage/mod.ts";
import type { TensorFile, WeightFormat } from "./format.ts";
import { readTorchFile } from "./torch_file.ts";

const ARCHIVE_LIMITS: ZipLimits = { maxEntries: 200_000, maxTotalBytes: 16 * 2 ** 30, maxRatio: 100 };

export const PYTORCH: WeightFormat<TensorFile> = {
  recognises(head) {
    if (head[0] === 0x80 && head[1] <= 5) { // a pickle and its protocol
      throw new TypeError(
        "Cannot read the weights: expected a file that PyTorch 1.6 or later wrote, got an older one (or a plain pickle). " +
          "In PyTorch: torch.save(torch.load(FILE, weights_only=True), NEW_FILE)",
      );
    }
    return head[0] === 0x50 && head[1] === 0x4b; // "PK": a zip
  },
  async read(path) {
    using zip = await ZipReader.open(path, ARCHIVE_LIMITS);
    const entries = new Map(zip.entries.map((e) => [e.name, e]));
    if (entries.has("manifest.json")) {
      throw new TypeError("Cannot read the weights: this is a model package; import it as such (sulcus models import)");
    }
    const { tensors, settings } = await readTorchFile({
      entries: new Map(zip.entries.map((e) => [e.name, e.bytes])),
      read: (name) => zip.readBytes(entries.get(name)!, TENSOR_LIMITS.bytes),
    });
    return { holds: "tensors", tensors, metadata: settings };
  },
};
