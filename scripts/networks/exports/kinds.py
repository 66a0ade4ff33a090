"""
Writes tests/fixtures/foreign: the smallest network of every kind of file, with what PyTorch computes for it in float64.

    python kinds.py [--out FOLDER] [KIND …] && deno fmt tests/fixtures/foreign

`KIND.onnx`, the files beside it, and `KIND.json`: shapes, summaries of the outputs and of the gradients of
sum(output * wave) with respect to the weights, by the names that they have in the file. Input k is `wave(shape, k)`.
Machine names are stripped. Every file is also run through ONNX Runtime, where it has the operators.
"""

import argparse
import json
import sys
import types
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))

import kinds_by_hand  # noqa: E402
import kinds_of_files  # noqa: E402
import kinds_of_networks  # noqa: E402
import numpy as np  # noqa: E402
import onnx  # noqa: E402
import onnxruntime  # noqa: E402
from kind import Kind, Made  # noqa: E402
from reference import wave  # noqa: E402

FIXTURES = Path(__file__).parents[3] / "tests" / "fixtures" / "foreign"
KINDS = [*kinds_of_networks.KINDS, *kinds_of_files.KINDS, *kinds_by_hand.KINDS]


def run(path: Path, made: Made) -> float | None:
    """The largest difference of ONNX Runtime to PyTorch, in deviations of the output; None where it cannot run the file."""
    try:
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        kinds = {"tensor(float)": np.float32, "tensor(float16)": np.float16}
        feeds = {
            i.name: wave(shape, float(k)).numpy().astype(kinds[i.type])
            for k, (i, shape) in enumerate(zip(session.get_inputs(), made.inputs))
        }
        found = session.run(None, feeds)
    except Exception as error:
        print("   ONNX Runtime:", str(error).splitlines()[0][:150])
        return None
    gaps = [np.abs(f.astype(np.float64) - e.numpy()).max() / e.numpy().std() for f, e in zip(found, made.outputs)]
    return float(max(gaps))


def rounded(value):
    """Numbers to 12 digits, which is more than any test asks for."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    if isinstance(value, dict):
        return {name: rounded(part) for name, part in value.items()}
    return [rounded(part) for part in value] if isinstance(value, (list, tuple)) else value


def write(kind: Kind, folder: Path) -> None:
    path = folder / f"{kind.name}.onnx"
    for old in folder.glob(f"{kind.name}.*"):
        old.unlink()
    made = kind.make(path)
    gap = run(path, made) if made.outputs else None
    files = sorted(f for f in folder.glob(f"{kind.name}.*") if f.suffix != ".json")
    (folder / f"{kind.name}.json").write_text(json.dumps(rounded(made.record(kind))) + "\n")
    print(f"{kind.name}: {sum(f.stat().st_size for f in files)} bytes in {len(files)} files; ONNX Runtime {gap}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, default=FIXTURES)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    for kind in KINDS:
        if not options.names or kind.name in options.names:
            write(kind, options.out)


main()
