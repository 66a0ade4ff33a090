"""Kinds that differ in how the file stores a network: weights beside it, 16-bit and 8-bit numbers, newer operator sets."""

import tempfile
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from torch import nn

from kind import Kind, Made, inputs_of, judged, strip
from kinds_of_networks import CUBE, KEPT, Small, exported, seeded


def external(path: Path) -> Made:
    """As the default of today's exporter writes it: one file `NAME.onnx.data`."""
    net = seeded(Small)
    torch.onnx.export(net, inputs_of(CUBE), path, input_names=["image"], dynamo=True, external_data=True, verbose=False)
    onnx.save(strip(onnx.load(path, load_external_data=False)), path)
    return judged(net, CUBE)


def parts(path: Path) -> Made:
    """Weights in two files, which `onnx` writes with an offset each."""
    net = seeded(Small)
    exported(net, CUBE, path, **KEPT)
    model = onnx.load(path)
    for k, tensor in enumerate(model.graph.initializer):
        onnx.external_data_helper.set_external_data(tensor, f"{path.stem}.part{k % 2}.bin")
    for k in range(2):
        (path.parent / f"{path.stem}.part{k}.bin").unlink(missing_ok=True)
    onnx.save(model, path)
    return judged(net, CUBE)


def halved(dtype: torch.dtype, **options):
    def make(path: Path) -> Made:
        net = seeded(Small).to(dtype)
        args = tuple(a.to(dtype) for a in inputs_of(CUBE))
        torch.onnx.export(net, args, path, input_names=["image"], **options)
        onnx.save(strip(onnx.load(path)), path)
        return judged(net, CUBE)

    return make


class Calibration(CalibrationDataReader):
    def __init__(self):
        self.samples = iter([{"image": inputs_of(CUBE)[0].numpy()}])

    def get_next(self):
        return next(self.samples, None)


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv3d(2, 4, 3, padding=1), nn.Conv3d(4, 3, 3, padding=1)

    def forward(self, image):
        return self.second(torch.relu(self.first(image)))


def quantised(path: Path) -> Made:
    """The judge is ONNX Runtime's answer, which rounds as the file says."""
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        plain, ready = Path(folder) / "plain.onnx", Path(folder) / "ready.onnx"
        exported(seeded(Plain), CUBE, plain, dynamo=False, opset_version=17)
        quant_pre_process(plain, ready)
        quantize_static(ready, path, Calibration(), quant_format=QuantFormat.QDQ, per_channel=True)
    onnx.save(strip(onnx.load(path)), path)
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    (out,) = session.run(None, {"image": inputs_of(CUBE)[0].numpy()})
    return Made(CUBE, [torch.from_numpy(out).double()])


def relabelled(opset: int):
    """A file of a newer operator set whose operators are those of 23."""

    def make(path: Path) -> Made:
        net = seeded(Small)
        exported(net, CUBE, path, dynamo=True, external_data=False, opset_version=23, verbose=False)
        model = onnx.load(path)
        model.opset_import[0].version = opset
        model.ir_version = 13
        onnx.save(model, path)
        return judged(net, CUBE)

    return make


KINDS = [
    Kind("external", "weights beside the file: KIND.onnx.data", external),
    Kind("parts", "weights in two files beside it", parts),
    Kind("float16", "float16 weights, input and output", halved(torch.float16, dynamo=False, opset_version=17)),
    Kind("bfloat16", "bfloat16 weights, input and output",
         halved(torch.bfloat16, dynamo=True, external_data=False, verbose=False)),
    Kind("int8", "QuantizeLinear and DequantizeLinear around every convolution", quantised),
    Kind("opset25", "operator set 25", relabelled(25)),
]
