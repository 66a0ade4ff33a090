"""
Exports the networks of others: `python main.py --out FOLDER [--only PART] [--exporters a,b] [--large]`.

Every network gets a folder: `EXPORTER.onnx`, `input0.f32`, `output0.f64` (PyTorch in float64) and `network.json`, which holds
the shapes, the gradients and what became of every export. A folder that is complete is left alone.
"""

import argparse
import json
import logging
import sys
import time
import traceback
import types
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).parent))
# torchvision's compiled operators (boxes, video files) are not needed here, and are missing beside some builds of PyTorch
sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("torchvision._meta_registrations"))
logging.disable(logging.WARNING)

from exporters import EXPORTERS, export  # noqa: E402
from record import Network  # noqa: E402
from reference import perturb, reference, wave  # noqa: E402


def networks() -> list[Network]:
    import monai_classifiers
    import monai_convolutional
    import monai_transformers
    import nnunet
    import torchvision_video

    groups = (monai_convolutional, nnunet, monai_transformers, monai_classifiers, torchvision_video)
    return [network for group in groups for network in group.NETWORKS]


def write(network: Network, folder: Path, wanted: list[str]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "network.json"
    record = json.loads(file.read_text()) if file.exists() else {}
    done = record.setdefault("exports", {})
    todo = [name for name in network.exporters if name in wanted and name not in done]
    if not todo and "trained" in record:
        return
    torch.manual_seed(0)
    net = network.build()
    perturb(net, network.perturb)
    args = tuple(wave(shape, float(k)) for k, shape in enumerate(network.inputs))
    if "trained" not in record:
        record |= {"name": network.name, "note": network.note, "any_size": network.any_size}
        record |= reference(net, args, folder)
        file.write_text(json.dumps(record, indent=1))
    for name in todo:
        start = time.time()
        try:
            export(net, args, folder / f"{name}.onnx", network=network, exporter=EXPORTERS[name])
            done[name] = {"call": EXPORTERS[name].call, "seconds": round(time.time() - start, 1)}
        except Exception as error:
            # an exporter that fails has nothing to do with us: the row says so
            last = traceback.format_exception_only(error)[-1].strip().splitlines()[0]
            done[name] = {"call": EXPORTERS[name].call, "failed": last[:300]}
        print(network.name, name, done[name], flush=True)
        file.write_text(json.dumps(record, indent=1))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--only", default="", help="networks whose names contain this")
    parser.add_argument("--exporters", default=",".join(EXPORTERS))
    options = parser.parse_args()
    for network in networks():
        if options.only in network.name:
            try:
                write(network, options.out / network.name, options.exporters.split(","))
            except Exception:
                print(f"{network.name}: not built", file=sys.stderr)
                traceback.print_exc()


main()
