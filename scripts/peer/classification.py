"""The peer of the classifications of `deno task experiment`: MONAI's DenseNet121 in 3-D, on our split.

    python scripts/peer/classification.py SPEC.json

SPEC: seed, threads, device, seconds or updates, classes (a number), train [{images, class}], test [{images}], reply (a JSON
file that receives the probabilities). Whole volumes resized to 64³, percentiles of the foreground; batches of four with
classes drawn evenly; AdamW at 1e-3, which falls as a cosine with the time that has passed. Reading the files is not
counted. Needs `torch`, `monai`, `nibabel`, `numpy`; no part of the product.
"""
import json
import math
import resource
import sys
import time
from pathlib import Path

import monai
import nibabel
import numpy as np
import torch
import torch.nn.functional as F
from monai.networks.nets import DenseNet121
from monai.transforms import Compose, RandAdjustContrast, RandAffine, RandFlip, RandScaleIntensity, RandShiftIntensity

SIZE, BATCH = (64, 64, 64), 4


def load(path):
    """A volume [1, 64, 64, 64] in RAS, cropped to what is not 0."""
    raw = np.asarray(nibabel.as_closest_canonical(nibabel.load(path)).dataobj, dtype=np.float32)
    at = np.argwhere(raw > 0)
    image = raw[tuple(slice(int(a), int(b) + 1) for a, b in zip(at.min(0), at.max(0)))]
    low, high = np.percentile(image[image > 0], (5, 95))
    image = torch.tensor((image - low) / max(high - low, 1e-8), dtype=torch.float32)
    return F.interpolate(image[None, None], SIZE, mode="trilinear", align_corners=False)[0]


def main():
    spec = json.loads(Path(sys.argv[1]).read_text())
    torch.set_num_threads(spec["threads"])
    torch.manual_seed(spec["seed"])
    rng = np.random.default_rng(spec["seed"])
    images = [load(c["images"][0]) for c in spec["train"]]
    by_class = [[i for i, c in enumerate(spec["train"]) if c["class"] == k] for k in range(spec["classes"])]
    by_class = [own for own in by_class if own]
    change = Compose([
        RandAffine(prob=0.5, rotate_range=[0.3] * 3, scale_range=[0.1] * 3, padding_mode="border"),
        RandFlip(prob=0.5, spatial_axis=0),
        RandScaleIntensity(0.2, prob=1), RandShiftIntensity(0.1, prob=1), RandAdjustContrast(prob=0.3, gamma=(0.7, 1.5)),
    ])
    change.set_random_state(spec["seed"])
    net = DenseNet121(3, 1, spec["classes"]).to(spec["device"])
    optimizer = torch.optim.AdamW(net.parameters(), lr=1e-3)
    start, updates = time.time(), 0
    while True:
        passed = updates / spec["updates"] if "updates" in spec else (time.time() - start) / spec["seconds"]
        if passed >= 1:
            break
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 + math.cos(math.pi * passed)) / 2
        picked = [own[rng.integers(len(own))] for own in (by_class[rng.integers(len(by_class))] for _ in range(BATCH))]
        batch = torch.stack([torch.as_tensor(change(images[i])) for i in picked]).float().to(spec["device"])
        loss = F.cross_entropy(net(batch), torch.tensor([spec["train"][i]["class"] for i in picked]).to(spec["device"]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 12)
        optimizer.step()
        updates += 1
    seconds = round(time.time() - start, 1)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    if spec["device"] == "cuda":
        peak = torch.cuda.max_memory_allocated()
    net.eval()
    with torch.no_grad():
        found = [net(load(c["images"][0])[None].to(spec["device"])).softmax(1)[0].tolist() for c in spec["test"]]
    Path(spec["reply"]).write_text(json.dumps({
        "trainSeconds": seconds, "updates": updates, "peakBytes": peak, "device": spec["device"], "probabilities": found,
        "versions": {"torch": torch.__version__, "monai": monai.__version__},
    }))


if __name__ == "__main__":
    main()
