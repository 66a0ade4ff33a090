/**
 * Draws masks as outlines on the axial slice that shows most of the first one, side by side:
 * `deno run -A scripts/docs/mask_picture.ts IMAGE.nii.gz OUT.png MASK.nii.gz [MASK.nii.gz …]`. All files on one grid.
 */
import { encodePng, type GridImage, overlay, readVolume, sideBySide, sliceOf, toRas } from "../../src/volume/mod.ts";

const [imagePath, out, ...maskPaths] = Deno.args;
if (maskPaths.length === 0) {
  console.error("Cannot draw: expected IMAGE.nii.gz OUT.png MASK.nii.gz [MASK.nii.gz …]");
  Deno.exit(2);
}
const read = async (path: string): Promise<GridImage> => toRas(await readVolume(path));
const image = await read(imagePath);
const masks = await Promise.all(maskPaths.map(read));
const nz = image.sizeVox[2];
const perSlice = new Float64Array(nz);
masks[0].data.forEach((v, i) => perSlice[i % nz] += Number(v > 0));
const at = { axis: 2, index: perSlice.indexOf(Math.max(...perSlice)) } as const;
const slice = sliceOf(image.data, image.sizeVox, at);
const pictures = masks.map((m) => overlay(slice, sliceOf(m.data, m.sizeVox, at), { zoom: 2 }));
await Deno.writeFile(out, encodePng(sideBySide(pictures)));
