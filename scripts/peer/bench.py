"""The peer's times: forward and fine-tuning step of UniUnet in PyTorch, as `deno task bench` measures ours.

Needs `torch`; no part of the product. Prints one JSON line a row: the first run, the fastest and the median of the
others.
    python scripts/peer/bench.py [--device cpu|cuda] [--precision float32|tf32|bf16|fp16] [--compile] [--channels-last]
        [--threads N] [--sizes 64 96]
    python scripts/peer/bench.py --volume 180 200 170
"""
import argparse
import itertools
import json
import resource
import statistics
import time

import torch
from uni_unet import UniUnet, losses, optimizer, ramp


def measure(name, runs, run, device):
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        run()
        if device == "cuda":
            torch.cuda.synchronize()
        times.append((time.perf_counter() - start) * 1e3)
    row = {"name": name, "firstMs": round(times[0], 1), "bestMs": round(min(times[1:]), 1),
           "medianMs": round(statistics.median(times[1:]), 1)}
    cuda = device == "cuda"
    peak = torch.cuda.max_memory_allocated() if cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    row["peakGb"] = round(peak / 1e9, 2)
    print(json.dumps(row), flush=True)


def slide(net, volume, roi=96):
    """Logits of a volume by windows that overlap by half, blended by a Gaussian, as `slidingLogits()` does."""
    sizes = volume.shape[2:]
    axis = torch.exp(-0.5 * ((torch.arange(roi) - (roi - 1) / 2) / (0.125 * roi)) ** 2)
    weights = (axis[:, None, None] * axis[:, None] * axis).clamp(min=1e-3)
    counts = [-(-(n - roi) // (roi // 2)) + 1 for n in sizes]
    starts = [[min(i * (roi // 2), n - roi) for i in range(k)] for n, k in zip(sizes, counts)]
    total, blended = torch.zeros(sizes), None
    for start in itertools.product(*starts):
        place = tuple(slice(s, s + roi) for s in start)
        logits = net(volume[(slice(None), slice(None), *place)])["out"][0]
        if blended is None:
            blended = torch.zeros(len(logits), *sizes)
        blended[(slice(None), *place)] += logits * weights
        total[place] += weights
    return blended / total, len(list(itertools.product(*starts)))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--precision", choices=["float32", "tf32", "bf16", "fp16"], default="float32")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--channels-last", action="store_true",
                        help="volumes and weights in that layout; see the note on gradients in uni_unet.py")
    parser.add_argument("--threads", type=int)
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 96])
    parser.add_argument("--runs", type=int, default=4)
    parser.add_argument("--only", choices=["forward", "step"])
    parser.add_argument("--volume", type=int, nargs=3, help="instead: one volume of this size by windows of 96 voxels")
    args = parser.parse_args()
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    layout = torch.channels_last_3d if args.channels_last else torch.contiguous_format
    allowed = args.precision != "float32"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = allowed
    torch.backends.cudnn.benchmark = True
    half = {"bf16": torch.bfloat16, "fp16": torch.float16}.get(args.precision)
    amp = torch.autocast(args.device, half or torch.bfloat16, enabled=half is not None)
    scaler = torch.amp.GradScaler(args.device, enabled=args.precision == "fp16")
    if args.volume is not None:
        net = UniUnet().eval()
        with torch.no_grad():
            net(torch.rand(1, 4, 96, 96, 96))
            start = time.perf_counter()
            _, windows = slide(net, torch.rand(1, 4, *args.volume))
        ms = round((time.perf_counter() - start) * 1e3)
        print(json.dumps({"name": "uniunet-volume", "firstMs": ms, "bestMs": ms, "medianMs": ms, "windows": windows}), flush=True)
        return
    for size in args.sizes:
        view = ramp((1, 4, size, size, size)).float().to(args.device).to(memory_format=layout)
        model = UniUnet().to(args.device).to(memory_format=layout)
        net = torch.compile(model) if args.compile else model
        if args.only != "step":
            model.eval()

            def forward():
                with torch.no_grad(), amp:
                    net(view)["out"].float().cpu()

            measure(f"uniunet-forward-{size}", args.runs, forward, args.device)
        if args.only == "forward":
            continue
        model.train()
        target = (torch.arange(3 * size**3) % 7 == 0).float().reshape(1, 3, size, size, size).to(args.device)
        opt = optimizer(model, "paper")

        def step():
            opt.zero_grad()
            with amp:
                found = losses(net, [view, 0.9 * view], target, "paper")
            scaler.scale(found[0]).backward()
            scaler.step(opt)
            scaler.update()
            return float(found[0].detach())

        measure(f"uniunet-step-{size}", args.runs, step, args.device)


if __name__ == "__main__":
    main()
