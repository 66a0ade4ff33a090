"""The yardstick of the edge preset: MONAI's residual 3-D U-Net trained from scratch on patients of ../shared/data/ms.

    python scripts/peer/residual_unet.py --train patient19 --test patient07 [--steps 1000] [--seed 0] [--threads 2]

16, 32, 64, 128 channels, batches of two 64³ crops, half of them centred near a lesion, lr 1e-3 on a cosine, 0.7 Dice + 0.3
cross-entropy; the intensities and the crop to the head of our own preset. Prints Dice of every patient as JSON. Needs
`torch`, `monai`, `nibabel`, `numpy`; no part of the product.
"""
import argparse
import json
import math
import time
from itertools import product
from pathlib import Path

import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from monai.networks.nets import UNet

ROI, STRIDE = 64, 48


def load(folder):
    """Modalities [4, X, Y, Z], percentiles 5 to 95 mapped to 0 and 1, and the mask, cropped to the head."""
    read = lambda name: np.asarray(nibabel.as_closest_canonical(nibabel.load(folder / f"{name}.nii.gz")).dataobj)
    raw = np.stack([read(m).astype(np.float32) for m in ("t1", "t1c", "t2", "flair")])
    at = np.argwhere((raw > 0).any(0))
    box = tuple(slice(max(a - 1, 0), b + 2) for a, b in zip(at.min(0), at.max(0)))
    low, high = (np.percentile(raw, q, axis=(1, 2, 3), keepdims=True) for q in (5, 95))
    image = ((raw - low) / (high - low))[(slice(None), *box)].astype(np.float32)
    return torch.tensor(image), torch.tensor(read("lesion")[box] > 0)


def crop(image, mask, near_lesion, rng):
    size = mask.shape
    if near_lesion:
        at = np.argwhere(mask.numpy())
        centre = at[rng.integers(len(at))]
        start = [int(np.clip(c - ROI * rng.uniform(0.25, 0.75), 0, s - ROI)) for c, s in zip(centre, size)]
    else:
        start = [int(rng.integers(s - ROI + 1)) for s in size]
    box = tuple(slice(s, s + ROI) for s in start)
    x, y = image[(slice(None), *box)], mask[box].float()[None]
    axes = [a + 1 for a in range(3) if rng.random() < 0.5]
    return (x.flip(axes) + rng.uniform(-0.1, 0.1)) * (1 + rng.uniform(-0.1, 0.1)), y.flip(axes)


def criterion(logits, target):
    p = torch.sigmoid(logits)
    dice = 1 - (2 * (p * target).sum() + 1) / ((p * p).sum() + (target * target).sum() + 1)
    return 0.7 * dice + 0.3 * F.binary_cross_entropy_with_logits(logits, target)


@torch.no_grad()
def dice(model, image, mask):
    """Windows of 64³ with an overlap of a quarter, their mean."""
    model.eval()
    total, count = torch.zeros(mask.shape), torch.zeros(mask.shape)
    starts = [sorted({min(k, s - ROI) for k in range(0, s - ROI + STRIDE, STRIDE)}) for s in mask.shape]
    for start in product(*starts):
        box = tuple(slice(s, s + ROI) for s in start)
        total[box] += model(image[(slice(None), *box)][None])[0, 0]
        count[box] += 1
    found = total / count >= 0
    return {
        "dice": round(float(2 * (found & mask).sum() / (found.sum() + mask.sum())), 4),
        "millilitres": round(float(found.sum()) / 1000, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path("../shared/data/ms"))
    parser.add_argument("--train", nargs="+", required=True)
    parser.add_argument("--test", nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    cases = {name: load(args.data / name) for name in [*args.train, *args.test]}
    model = UNet(3, 4, 1, (16, 32, 64, 128), (2, 2, 2), num_res_units=2)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3)
    start = time.time()
    for step in range(args.steps):
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 + math.cos(math.pi * step / args.steps)) / 2
        crops = [crop(*cases[args.train[rng.integers(len(args.train))]], i == 0, rng) for i in range(2)]
        model.train()
        loss = criterion(model(torch.stack([x for x, _ in crops])), torch.stack([y for _, y in crops]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    seconds = round(time.time() - start)
    scores = {name: dice(model, *cases[name]) for name in cases}
    print(json.dumps({"train": args.train, "steps": args.steps, "seconds": seconds, "scores": scores}))


if __name__ == "__main__":
    main()
