"""The peer's times: a graph of ours, as built, in OpenVINO by its own Python package and in its own precisions.

Needs `openvino` and `numpy`; no part of the product. Prints one JSON line: the first run, the fastest and the median of the
others. `bf16` is the device's own: it rounds wherever it likes, statistics and sums included.
    python scripts/peer/openvino_bench.py --model network.onnx --name NAME [--precision f32|bf16] [--threads N] [--runs 4]
"""
import argparse
import json
import resource
import statistics
import time

import numpy as np
import openvino as ov

SCALARS = {"step": 1, "learningRate": 3e-4}


def values(name, shape, dtype):
    """Targets of zeros and ones, else a smooth wave."""
    count = np.arange(int(np.prod(shape)))
    if name == "target":
        wave = count % 7 == 0
    else:
        wave = np.full(1, SCALARS[name]) if name in SCALARS else 0.5 + 0.5 * np.sin(0.01 * count)
    return wave.reshape(shape).astype(dtype)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--runs", type=int, default=4)
    args = parser.parse_args()
    compiled = ov.Core().compile_model(args.model, "CPU", {
        "INFERENCE_PRECISION_HINT": args.precision,
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": args.threads,
    })
    request = compiled.create_infer_request()
    for i, port in enumerate(compiled.inputs):
        fed = values(port.any_name, port.shape, port.element_type.to_dtype())
        request.set_input_tensor(i, ov.Tensor(fed))
    times = []
    for _ in range(args.runs):
        start = time.perf_counter()
        request.infer()
        times.append((time.perf_counter() - start) * 1e3)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({
        "name": args.name,
        "firstMs": round(times[0], 1),
        "bestMs": round(min(times[1:]), 1),
        "medianMs": round(statistics.median(times[1:]), 1),
        "peakGb": round(peak / 1e9, 2),
    }), flush=True)


if __name__ == "__main__":
    main()
