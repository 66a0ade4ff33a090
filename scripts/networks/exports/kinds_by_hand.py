"""Kinds that PyTorch does not write: channels last, functions, branches, and what must be refused."""

from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from kind import Kind, Made, judged, strip
from kinds_of_networks import CUBE, exported, seeded

FLOAT = TensorProto.FLOAT


def numbers(name: str, shape, scale=0.3) -> onnx.TensorProto:
    values = scale * np.sin(1.3 * np.arange(int(np.prod(shape))) + len(name))
    return numpy_helper.from_array(values.astype(np.float32).reshape(shape), name)


def tensor_of(initializer: onnx.TensorProto) -> torch.Tensor:
    return torch.from_numpy(numpy_helper.to_array(initializer).copy())


def save(path: Path, nodes, initializers, *, inputs, outputs, functions=(), imports=(("", 17),)) -> None:
    info = lambda pairs: [helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in pairs]  # noqa: E731
    graph = helper.make_graph(nodes, "main", info(inputs), info(outputs), initializers)
    model = helper.make_model(
        graph, functions=list(functions), opset_imports=[helper.make_opsetid(*pair) for pair in imports], ir_version=9
    )
    onnx.save(model, path)


class Pair(nn.Module):
    """Conv, Relu, Conv: what the files below compute, in PyTorch's layout."""

    def __init__(self, initializers):
        super().__init__()
        by_name = {i.name: tensor_of(i) for i in initializers}
        self.a, self.b = nn.Conv3d(2, 4, 3, padding=1), nn.Conv3d(4, 3, 1)
        for part in ("a", "b"):
            conv = getattr(self, part)
            conv.weight, conv.bias = (nn.Parameter(by_name[f"{part}.{kind}"]) for kind in ("weight", "bias"))

    def forward(self, x):
        return self.b(torch.relu(self.a(x)))


WEIGHTS = [
    numbers("a.weight", (4, 2, 3, 3, 3)), numbers("a.bias", (4,)), numbers("b.weight", (3, 4, 1, 1, 1)), numbers("b.bias", (3,)),
]
PADS = dict(kernel_shape=[3, 3, 3], pads=[1] * 6)


class ChannelsLast(nn.Module):
    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        return self.net(x.permute(0, 4, 1, 2, 3)).permute(0, 2, 3, 4, 1).softmax(-1)


def channels_last(path: Path) -> Made:
    """As converters from Keras write it: [N, X, Y, Z, C] outside, transposes around the convolutions, softmax on the last."""
    nodes = [
        helper.make_node("Transpose", ["image"], ["x"], perm=[0, 4, 1, 2, 3]),
        helper.make_node("Conv", ["x", "a.weight", "a.bias"], ["h"], **PADS),
        helper.make_node("Transpose", ["h"], ["last"], perm=[0, 2, 3, 4, 1]),
        helper.make_node("Relu", ["last"], ["r"]),
        helper.make_node("Transpose", ["r"], ["first"], perm=[0, 4, 1, 2, 3]),
        helper.make_node("Conv", ["first", "b.weight", "b.bias"], ["y"], kernel_shape=[1, 1, 1]),
        helper.make_node("Transpose", ["y"], ["t"], perm=[0, 2, 3, 4, 1]),
        helper.make_node("Softmax", ["t"], ["out"], axis=-1),
    ]
    shape = (1, 8, 6, 4, 2)
    save(path, nodes, WEIGHTS, inputs=[("image", shape)], outputs=[("out", (1, 8, 6, 4, 3))])
    made = judged(ChannelsLast(Pair(WEIGHTS)), (shape,))
    return Made(made.inputs, made.outputs, {name.removeprefix("net."): g for name, g in made.gradients.items()})


def functions(path: Path) -> Made:
    """A function in the file's own domain, called twice, with an attribute and another function inside."""
    inner = helper.make_function(
        "local", "Act", ["x"], ["y"], [helper.make_node("Relu", ["x"], ["y"])], [helper.make_opsetid("", 17)]
    )
    conv = helper.make_node("Conv", ["x", "w", "b"], ["h"])
    conv.attribute.append(helper.make_attribute_ref("pads", onnx.AttributeProto.INTS))
    block = helper.make_function(
        "local", "Block", ["x", "w", "b"], ["y"],
        [conv, helper.make_node("Act", ["h"], ["y"], domain="local")],
        [helper.make_opsetid("", 17), helper.make_opsetid("local", 1)],
        attributes=["pads"],
    )
    nodes = [
        helper.make_node("Block", ["image", "a.weight", "a.bias"], ["h"], domain="local", pads=[1] * 6),
        helper.make_node("Block", ["h", "b.weight", "b.bias"], ["out"], domain="local", pads=[0] * 6),
    ]
    save(path, nodes, WEIGHTS, inputs=[("image", CUBE[0])], outputs=[("out", (1, 3, 8, 8, 8))],
         functions=[inner, block], imports=(("", 17), ("local", 1)))

    class Twice(Pair):
        def forward(self, x):
            return torch.relu(super().forward(x))

    return judged(Twice(WEIGHTS), CUBE)


def branch(name: str, node) -> onnx.GraphProto:
    return helper.make_graph([node], name, [], [helper.make_tensor_value_info("chosen", FLOAT, None)])


def choice(path: Path, *, constant: bool) -> Made:
    """`If` on the input's rank or size, as older exporters write `squeeze`; or on a voxel, which nothing can decide."""
    index = numpy_helper.from_array(np.array(4 if constant else 0, np.int64), "index")
    zero = numpy_helper.from_array(np.array(8 if constant else 0, np.int64), "limit")
    condition = [
        helper.make_node("Shape", ["image"], ["shape"]),
        helper.make_node("Gather", ["shape", "index"], ["size"], axis=0),
        helper.make_node("Equal", ["size", "limit"], ["is"]),
    ] if constant else [
        helper.make_node("ReduceMax", ["image"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["is"], to=TensorProto.BOOL),
    ]
    nodes = [
        *condition,
        helper.make_node("Conv", ["image", "a.weight", "a.bias"], ["h"], **PADS),
        helper.make_node("If", ["is"], ["r"], name="choose",
                         then_branch=branch("then", helper.make_node("Relu", ["h"], ["chosen"])),
                         else_branch=branch("else", helper.make_node("Neg", ["h"], ["chosen"]))),
        helper.make_node("Conv", ["r", "b.weight", "b.bias"], ["out"], kernel_shape=[1, 1, 1]),
    ]
    constants = [*WEIGHTS, index, zero] if constant else WEIGHTS
    save(path, nodes, constants, inputs=[("image", CUBE[0])], outputs=[("out", (1, 3, 8, 8, 8))])
    return judged(Pair(WEIGHTS), CUBE) if constant else Made(CUBE)


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.rnn = nn.LSTM(2, 3)

    def forward(self, image):
        return self.rnn(image.flatten(2).permute(2, 0, 1))[0]


def recurrent(path: Path) -> Made:
    exported(seeded(Recurrent), CUBE, path, dynamo=False, opset_version=17)
    return Made(CUBE)


def looped(path: Path) -> Made:
    body = helper.make_graph(
        [helper.make_node("Identity", ["go"], ["on"]), helper.make_node("Relu", ["h"], ["next"])], "body",
        [helper.make_tensor_value_info("i", TensorProto.INT64, []), helper.make_tensor_value_info("go", TensorProto.BOOL, []),
         helper.make_tensor_value_info("h", FLOAT, None)],
        [helper.make_tensor_value_info("on", TensorProto.BOOL, []), helper.make_tensor_value_info("next", FLOAT, None)],
    )
    times = numpy_helper.from_array(np.array(3, np.int64), "times")
    nodes = [helper.make_node("Loop", ["times", "", "image"], ["out"], name="repeat", body=body)]
    save(path, nodes, [times], inputs=[("image", CUBE[0])], outputs=[("out", CUBE[0])])
    return Made(CUBE)


def custom(path: Path) -> Made:
    nodes = [helper.make_node("FancyNorm", ["image"], ["out"], name="fancy", domain="com.example")]
    save(path, nodes, [], inputs=[("image", CUBE[0])], outputs=[("out", CUBE[0])], imports=(("", 17), ("com.example", 1)))
    return Made(CUBE)


KINDS = [
    Kind("channels-last", "[N, X, Y, Z, C], as Keras has it; ends in Softmax", channels_last),
    Kind("functions", "local functions, one inside another, with an attribute", functions),
    Kind("if", "If whose condition follows from the input's shape", lambda path: choice(path, constant=True)),
    Kind("if-open", "If on a voxel's value", lambda path: choice(path, constant=False), refused="If"),
    Kind("recurrent", "LSTM", recurrent, refused="LSTM"),
    Kind("loop", "Loop", looped, refused="Loop"),
    Kind("custom", "an operator of a domain of its own", custom, refused="com.example"),
]
