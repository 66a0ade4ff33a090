"""The reference half of nifti_nibabel.sh: the same steps in nibabel and numpy (float64), compared file by file."""

import json
import sys

import nibabel as nib
import numpy as np

failures = []
worst = {}


def check(name, number, ok, figure=0.0):
    worst[name] = max(worst.get(name, 0.0), float(figure))
    if not ok:
        failures.append(f"scan {number}: {name} ({figure})")


def trilinear(data, coordinates):
    """Samples at coordinates [3, ...], clamped to the border."""
    low, high, weight = [], [], []
    for axis, c in enumerate(coordinates):
        c = np.clip(c, 0, data.shape[axis] - 1)
        floor = np.floor(c).astype(int)
        low.append(floor)
        high.append(np.minimum(floor + 1, data.shape[axis] - 1))
        weight.append(c - floor)
    out = 0.0
    for corner in range(8):
        index, w = [], 1.0
        for axis in range(3):
            up = corner >> axis & 1
            index.append(high[axis] if up else low[axis])
            w = w * (weight[axis] if up else 1 - weight[axis])
        out = out + w * data[tuple(index)]
    return out


def separable(*axes):
    return np.meshgrid(*axes, indexing="ij", sparse=True)


manifest = json.load(open(sys.argv[1]))
target = np.array(manifest["spacingMm"])
for number, entry in enumerate(manifest["entries"]):
    source = nib.load(entry["path"])
    data = source.get_fdata()
    scale = np.abs(data).max()
    base = entry["base"]

    for kind in ["mask", "restored"]:
        mask = nib.load(f"{base}_{kind}.nii.gz")
        h, m = source.header, mask.header
        check("mask shape", number, mask.shape == source.shape)
        check("mask affine, exact", number, np.array_equal(mask.affine, source.affine))
        for field in ["qform_code", "sform_code", "pixdim", "xyzt_units", "srow_x", "srow_y", "srow_z"] + [
            f"quatern_{c}" for c in "bcd"
        ] + [f"qoffset_{c}" for c in "xyz"]:
            check(f"mask header {field}, exact", number, np.array_equal(h[field], m[field], equal_nan=True))
        check("mask zooms, exact", number, m.get_zooms() == h.get_zooms())
        check("mask dtype uint8", number, mask.get_data_dtype() == np.uint8)
        check("mask scaling none", number, m.get_slope_inter() in [(1.0, 0.0), (None, None)])
        check("mask free text empty", number, not any(bytes(m[f]).strip(b"\0") for f in ["descrip", "aux_file", "intent_name", "db_name"]))
    mask = np.asarray(nib.load(f"{base}_mask.nii.gz").dataobj)
    differs = mask != (data.astype(np.float32).astype(float) > entry["cut"])
    check("mask voxels that differ", number, not differs.any(), differs.sum())

    difference = np.abs(np.percentile(data.astype(np.float32).astype(float), entry["qs"]) - entry["values"]).max() / scale
    check("percentiles, share of maximum", number, difference < 1e-12, difference)

    canonical = nib.as_closest_canonical(source)
    ras_data = canonical.get_fdata()
    ras = nib.load(f"{base}_ras.nii")
    difference = np.abs(ras.get_fdata() - ras_data.astype(np.float32)).max()
    check("RAS shape", number, ras.shape == canonical.shape)
    check("RAS voxels, largest difference", number, difference == 0, difference)
    difference = np.abs(ras.affine - canonical.affine).max()
    check("RAS affine, mm", number, difference < 2e-5, difference)

    zooms = np.sqrt((canonical.affine[:3, :3] ** 2).sum(axis=0))
    size = [round(v) for v in (np.array(canonical.shape) - 1) * zooms / target + 1]
    axes = [np.arange(n) * t / s for n, t, s in zip(size, target, zooms)]
    expected = trilinear(ras_data.astype(np.float32).astype(float), separable(*axes))
    spaced = nib.load(f"{base}_spaced.nii")
    check("spaced shape", number, list(spaced.shape) == size)
    difference = np.abs(spaced.get_fdata() - expected).max() / scale
    check("spaced voxels, share of maximum", number, difference < 1e-6, difference)
    columns = canonical.affine.copy()
    columns[:3, :3] *= target / zooms
    difference = np.abs(spaced.affine - columns).max()
    check("spaced affine, mm", number, difference < 2e-5, difference)

    clipped = [np.minimum(axis, n - 1) for axis, n in zip(axes, canonical.shape)]
    ties = [np.abs(axis % 1 - 0.5) < 1e-6 for axis in clipped]
    expected = ras_data.astype(np.float32)[np.ix_(*[np.ceil(axis - 0.5).astype(int) for axis in clipped])]
    differs = nib.load(f"{base}_nearest.nii").get_fdata() != expected
    differs &= ~(ties[0][:, None, None] | ties[1][None, :, None] | ties[2][None, None, :])
    check("nearest voxels that differ off ties", number, not differs.any(), differs.sum())

    # The way back: where each canonical voxel lies on the cropped grid, there the interpolated value is compared.
    start, end = np.array(entry["start"]), np.array(entry["end"])
    cropped = spaced.get_fdata()[tuple(slice(a, b) for a, b in zip(start, end))]
    there = [np.arange(n) * s / t - a for n, s, t, a in zip(canonical.shape, zooms, target, start)]
    inside = [(c >= -0.5 - 1e-6) & (c <= n - 0.5 + 1e-6) for c, n in zip(there, cropped.shape)]
    value = trilinear(cropped, separable(*there))
    expected = (value >= entry["cut"]) & inside[0][:, None, None] & inside[1][None, :, None] & inside[2][None, None, :]
    near = np.abs(value - entry["cut"]) < 1e-5 * scale
    restored = nib.as_closest_canonical(nib.load(f"{base}_restored.nii.gz"))
    differs = (np.asarray(restored.dataobj) != expected) & ~near
    check("restored voxels that differ off the threshold", number, not differs.any(), differs.sum())
    check("restored mask not empty", number, expected.any())

    first = nib.load(entry["first"])
    matrix = np.linalg.inv(source.affine) @ first.affine
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in first.shape], indexing="ij"))
    where = np.einsum("ij,j...->i...", matrix[:3, :3], grid) + matrix[:3, 3, None, None, None]
    bounds = np.array(source.shape)[:, None, None, None]
    reach = np.abs(where - (bounds - 1) / 2) - bounds / 2
    expected = np.where((reach <= 0).all(axis=0), trilinear(data.astype(np.float32).astype(float), where), 0)
    border = (np.abs(reach) < 1e-3).any(axis=0)
    moved = nib.load(f"{base}_first.nii").get_fdata()
    difference = np.abs(np.where(border, 0, moved - expected)).max() / scale
    check("on the first grid, share of maximum", number, difference < 1e-5, difference)

for name, figure in worst.items():
    print(f"{name}: worst {figure:.3g}")
print(f"{len(manifest['entries'])} scans, {len(failures)} failures")
print("\n".join(failures))
sys.exit(1 if failures else 0)
