"""The peers of `deno task experiment`: MONAI's residual U-Net, and DynUNet with nnU-Net's settings, on our split.

    python scripts/peer/segmentation.py SPEC.json

SPEC: peer (resunet|dynunet), seed, threads, device, seconds or updates, regions [{value, from}], train and test
[{images, label}], masks (a folder for `0.nii.gz`, `1.nii.gz`, … on each test file's grid), reply (a JSON file). The rate
falls with the time that has passed, so a training ends with its budget whatever an update takes. Reading the files is not
counted. Needs `torch`, `monai`, `nibabel`, `numpy`; no part of the product.
"""
import json
import math
import resource
import sys
import time
from itertools import product
from pathlib import Path

import monai
import nibabel
import numpy as np
import torch
from monai.inferers import sliding_window_inference
from monai.losses import DiceCELoss, DiceLoss
from monai.networks.nets import DynUNet, UNet
from monai.transforms import (
    CenterSpatialCropd, Compose, RandAdjustContrastd, RandAffined, RandFlipd, RandGaussianNoised, RandGaussianSmoothd, RandLambdad,
    RandScaleIntensityd, RandShiftIntensityd, RandSimulateLowResolutiond,
)

# voxels of a crop: of 64³ on a CPU, where an update of nnU-Net's 128³ takes half a minute; of 128³ on a GPU
CROP_VOXELS = {"cpu": 64**3, "cuda": 128**3}


# ---- cases

def load(case, zscore):
    """Image [C, X, Y, Z], label map [1, X, Y, Z], and where the crop to the head lies in the file."""
    files = [nibabel.load(path) for path in case["images"]]
    raw = np.stack([np.asarray(f.dataobj, dtype=np.float32) for f in files])
    inside = (raw > 0).any(0)
    at = np.argwhere(inside)
    box = tuple(slice(int(a), int(b) + 1) for a, b in zip(at.min(0), at.max(0)))
    image, inside = raw[(slice(None), *box)], inside[box]
    masked = inside.size < 0.75 * raw[0].size  # nnU-Net: where the crop takes away much, the rest is background
    for channel in image:
        values = channel[inside] if masked or not zscore else channel
        if zscore:
            channel[...] = (channel - values.mean()) / max(values.std(), 1e-8)
            channel[~inside & masked] = 0
        else:
            low, high = np.percentile(values, (5, 95))
            channel[...] = (channel - low) / max(high - low, 1e-8)
    label = np.asarray(nibabel.load(case["label"]).dataobj)[box] if case.get("label") else np.zeros(image.shape[1:])
    label = torch.tensor(label.astype(np.int16)[None])
    return {"image": torch.tensor(image), "label": label, "box": box, "file": files[0]}


def points_of(label, regions, rng):
    """Up to 10,000 voxels of each region, as nnU-Net keeps them."""
    found = [np.argwhere(np.isin(label[0].numpy(), r["from"])) for r in regions]
    return [p if len(p) <= 10_000 else p[rng.choice(len(p), 10_000, replace=False)] for p in found]


def check(cases):
    """The peers do not resample: orientations and spacings must agree."""
    codes = {"".join(nibabel.aff2axcodes(c["file"].affine)) for c in cases}
    spacings = np.array([c["file"].header.get_zooms()[:3] for c in cases])
    if len(codes) > 1 or np.ptp(spacings, axis=0).max() > 0.02 * spacings.mean():
        sys.exit(f"Cannot train a peer: expected one orientation and spacing, got {codes}, {spacings.min(0)} to {spacings.max(0)}")


def patch_of(cases, device):
    """nnU-Net's rule: the median size, made smaller until it fits, in multiples of 8."""
    size = np.median([c["image"].shape[1:] for c in cases], axis=0)
    size *= min(1, (CROP_VOXELS[device] / size.prod()) ** (1 / 3))
    return [max(8, int(round(s / 8)) * 8 if size.prod() > 0.9 * CROP_VOXELS[device] else math.ceil(s / 8) * 8) for s in size]


def cut(case, size, near_label, rng):
    """A crop; its centre is a voxel of a region drawn first, or anywhere."""
    shape = case["label"].shape[1:]
    found = [points for points in case["points"] if len(points) > 0]
    if near_label and found:
        points = found[rng.integers(len(found))]
        centre = points[rng.integers(len(points))]
        start = [int(c) - s // 2 for c, s in zip(centre, size)]
    else:
        start = [int(rng.integers(min(0, n - s), max(0, n - s) + 1)) for n, s in zip(shape, size)]
    low = [max(0, a) for a in start]
    box = tuple(slice(a, max(a + 1, min(n, b + s))) for a, b, n, s in zip(low, start, shape, size))
    before = [a - b for a, b in zip(low, start)]
    out = {}
    for key in ("image", "label"):
        part = case[key][(slice(None), *box)]
        whole = part.new_zeros((len(part), *size))
        whole[(slice(None), *(slice(b, b + n) for b, n in zip(before, part.shape[1:])))] = part
        out[key] = whole.float()
    return out


class Crops(torch.utils.data.IterableDataset):
    """Crops without end, drawn beside the training. nnU-Net: of two crops, one lies around a label."""

    def __init__(self, cases, regions, size, transform, seed):
        self.cases, self.regions, self.size, self.transform, self.seed = cases, regions, size, transform, seed

    def __iter__(self):
        torch.set_num_threads(1)
        np.random.seed(self.seed)
        rng = np.random.default_rng(self.seed)
        self.transform.set_random_state(self.seed)
        for i in range(sys.maxsize):
            case = self.cases[rng.integers(len(self.cases))]
            out = self.transform(cut(case, self.size, i % 2 == 1, rng))
            label = torch.as_tensor(out["label"])[0].round()
            target = torch.stack([torch.isin(label, torch.tensor(r["from"])) for r in self.regions])
            yield torch.as_tensor(out["image"]).float(), target.float()


def flips():
    return [RandFlipd(["image", "label"], prob=0.5, spatial_axis=a) for a in range(3)]


def nnunet_augmentation(patch):
    """nnU-Net's chances and ranges, in its order, with MONAI's transforms."""
    angle = math.radians(30)

    def gamma(x):
        low, spread = x.min(), x.max() - x.min() + 1e-7
        power = np.random.uniform(0.7, 1.5)
        y = ((x - low) / spread) ** power * spread + low
        return (y - y.mean()) / (y.std() + 1e-7) * x.std() + x.mean()

    return Compose([
        RandAffined(["image", "label"], prob=0.36, rotate_range=[angle] * 3, scale_range=[(-0.3, 0.4)] * 3,
                    mode=["bilinear", "nearest"], padding_mode="zeros"),
        CenterSpatialCropd(["image", "label"], patch),
        RandGaussianNoised("image", prob=0.1, std=0.3),
        RandGaussianSmoothd("image", prob=0.2, sigma_x=(0.5, 1), sigma_y=(0.5, 1), sigma_z=(0.5, 1)),
        RandScaleIntensityd("image", factors=0.25, prob=0.15, channel_wise=True),
        RandAdjustContrastd("image", prob=0.15, gamma=(0.75, 1.25), retain_stats=True),
        RandSimulateLowResolutiond("image", prob=0.25, zoom_range=(0.5, 1)),
        RandLambdad("image", func=lambda x: -gamma(-x), prob=0.1),
        RandLambdad("image", func=gamma, prob=0.3),
        *flips(),
    ])


# ---- the two peers

def resunet(inputs, outputs, _patch):
    net = UNet(3, inputs, outputs, (16, 32, 64, 128, 256), (2, 2, 2, 1), num_res_units=2)
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    rate = lambda done: 1e-3 * (1 + math.cos(math.pi * done)) / 2
    transform = Compose([*flips(), RandShiftIntensityd("image", 0.1, prob=1), RandScaleIntensityd("image", 0.1, prob=1)])
    return net, optimizer, rate, transform, 1.0, [8, 8, 8]


def dynunet(inputs, outputs, patch):
    pools = [min(5, int(math.log2(s / 4))) for s in patch]  # nnU-Net: until an axis has less than 8 voxels
    stages = max(pools)
    strides = [[1, 1, 1]] + [[2 if i < p else 1 for p in pools] for i in range(stages)]
    widths = [min(320, 32 * 2**i) for i in range(stages + 1)]
    net = DynUNet(3, inputs, outputs, [3] * (stages + 1), strides, strides[1:], filters=widths, norm_name="instance",
                  act_name=("leakyrelu", {"inplace": True, "negative_slope": 0.01}),
                  deep_supervision=True, deep_supr_num=max(1, stages - 1))
    optimizer = torch.optim.SGD(net.parameters(), lr=1e-2, momentum=0.99, nesterov=True, weight_decay=3e-5)
    return net, optimizer, lambda done: 1e-2 * (1 - done) ** 0.9, nnunet_augmentation(patch), 1.25, [2**p for p in pools]


# the second: nnU-Net's z-scores and mirrored windows
PEERS = {"resunet": (resunet, False), "dynunet": (dynunet, True)}


def criterion(exclusive):
    """Dice and cross-entropy; each scale of a deep supervision counts half of the one above it."""
    one = DiceCELoss(softmax=True, include_background=False, smooth_nr=1e-5, smooth_dr=1e-5) if exclusive else None
    dice, bce = DiceLoss(sigmoid=True, smooth_nr=1e-5, smooth_dr=1e-5), torch.nn.BCEWithLogitsLoss()

    def loss(out, target):
        if exclusive:
            target = torch.cat([1 - target.sum(1, keepdim=True), target], 1)
        heads = list(out.unbind(1)) if out.ndim == 6 else [out]
        weights = [0.5**i for i in range(len(heads))]
        total = sum(w * (one(h, target) if exclusive else dice(h, target) + bce(h, target)) for w, h in zip(weights, heads))
        return total / sum(weights)

    return loss


def train(spec, cases, patch, exclusive):
    make = PEERS[spec["peer"]][0]
    torch.manual_seed(spec["seed"])
    net, optimizer, rate, transform, margin, stride = make(len(cases[0]["image"]), len(spec["regions"]) + exclusive, patch)
    net.to(spec["device"]).train()
    size = [math.ceil(s * margin) for s in patch]
    loader = torch.utils.data.DataLoader(Crops(cases, spec["regions"], size, transform, spec["seed"]), batch_size=2, num_workers=1,
                                         prefetch_factor=4)
    loss_of, batches = criterion(exclusive), iter(loader)
    start, updates = time.time(), 0
    while True:
        passed = updates / spec["updates"] if "updates" in spec else (time.time() - start) / spec["seconds"]
        if passed >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate(passed)
        image, label = (t.to(spec["device"]) for t in next(batches))
        loss = loss_of(net(image), label)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimizer.step()
        updates += 1
    return net.eval(), stride, {"trainSeconds": round(time.time() - start, 1), "updates": updates, "patch": patch}


# ---- use

@torch.no_grad()
def predict(net, case, spec, patch, stride, exclusive, mirrors):
    """The label map of a case on its file's grid: windows that overlap by half, blended by a Gaussian, perhaps mirrored.

    An image little larger than a crop is one window: eight would cost minutes and show each voxel less around it.
    """
    image = case["image"][None].to(spec["device"])
    whole = [max(p, math.ceil(n / s) * s) for n, p, s in zip(image.shape[2:], patch, stride)]
    window = whole if math.prod(whole) <= 3 * math.prod(patch) else patch
    axes = [[a for a, on in zip((2, 3, 4), code) if on] for code in product((0, 1), repeat=3)] if mirrors else [[]]
    total = 0
    for flipped in axes:
        logits = sliding_window_inference(image.flip(flipped), window, 2, net, overlap=0.5, mode="gaussian")
        total = total + (logits.softmax(1) if exclusive else logits.sigmoid()).flip(flipped)
    found = (total / len(axes))[0].cpu().numpy()
    values = [r["value"] for r in spec["regions"]]
    if exclusive:
        part = np.array([0, *values], dtype=np.uint16)[found.argmax(0)]
    else:
        part = np.zeros(found.shape[1:], dtype=np.uint16)
        for value, region in zip(values, found):
            part[region > 0.5] = value
    whole = np.zeros(case["file"].shape[:3], dtype=np.uint16)
    whole[case["box"]] = part
    return nibabel.Nifti1Image(whole, case["file"].affine)


def main():
    spec = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(spec["threads"])
    _, is_nnunet = PEERS[spec["peer"]]
    cases = [load(c, zscore=is_nnunet) for c in spec["train"]]
    check(cases)
    rng = np.random.default_rng(spec["seed"])
    for case in cases:
        case["points"] = points_of(case["label"], spec["regions"], rng)
    values = [v for r in spec["regions"] for v in r["from"]]
    exclusive = len(set(values)) == len(values)
    patch = patch_of(cases, spec["device"])
    # neither a file nor a box crosses to the process that draws crops
    net, stride, report = train(spec, [{k: c[k] for k in ("image", "label", "points")} for c in cases], patch, exclusive)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if spec["device"] == "cuda":
        peak = torch.cuda.max_memory_allocated()
    for i, test in enumerate(spec["test"]):
        case = load({"images": test["images"]}, zscore=is_nnunet)
        check([cases[0], case])
        mask = predict(net, case, spec, patch, stride, exclusive, mirrors=is_nnunet)
        nibabel.save(mask, Path(spec["masks"]) / f"{i}.nii.gz")
    versions = {"torch": torch.__version__, "monai": monai.__version__}
    Path(spec["reply"]).write_text(json.dumps({**report, "peakBytes": peak, "device": spec["device"],
                                               "versions": versions}))


if __name__ == "__main__":
    main()
