"""The ways in which a network of PyTorch is exported."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn
from torch.onnx import TrainingMode

from record import Network

AXES = {2: "x", 3: "y", 4: "z"}


@dataclass(frozen=True)
class Exporter:
    #: How a user writes it.
    call: str
    export: Callable[[nn.Module, tuple[torch.Tensor, ...], Path, Network], None]
    #: The export has the network in training mode: batch statistics, drop-out.
    trains: bool = False


def input_names(network: Network) -> list[str]:
    return ["image", "second", "third"][: len(network.inputs)]


def legacy(opset, *, training=TrainingMode.EVAL, fold=True, dynamic=False):
    def export(net, args, path, network):
        names = input_names(network)
        axes = {name: {0: "batch", **(AXES if network.any_size else {})} for name in names} if dynamic else None
        torch.onnx.export(
            net, args, path, dynamo=False, opset_version=opset, training=training, do_constant_folding=fold,
            input_names=names, dynamic_axes=axes,
        )

    return export


def dynamo(opset=None, *, external=True, dynamic=False):
    def export(net, args, path, network):
        shapes = None
        if dynamic:
            open_axes = {0: torch.export.Dim.DYNAMIC}
            shapes = tuple(open_axes for _ in network.inputs)
        torch.onnx.export(
            net, args, path, dynamo=True, external_data=external, input_names=input_names(network), verbose=False,
            dynamic_shapes=shapes, **({} if opset is None else {"opset_version": opset}),
        )

    return export


EXPORTERS = {
    "legacy17": Exporter("dynamo=False, opset_version=17", legacy(17)),
    "legacy20-keep": Exporter(
        "dynamo=False, opset_version=20, training=PRESERVE, do_constant_folding=False, dynamic_axes=…",
        legacy(20, training=TrainingMode.PRESERVE, fold=False, dynamic=True),
    ),
    "legacy17-train": Exporter(
        "dynamo=False, opset_version=17, training=TRAINING, do_constant_folding=False",
        legacy(17, training=TrainingMode.TRAINING, fold=False),
        trains=True,
    ),
    "dynamo": Exporter("the default: dynamo=True, weights beside the file", dynamo()),
    "dynamo-newest": Exporter("dynamo=True, opset_version=23, external_data=False", dynamo(23, external=False)),
}


def export(net: nn.Module, args: tuple[torch.Tensor, ...], path: Path, *, network: Network, exporter: Exporter):
    net = copy.deepcopy(net).train(exporter.trains)
    for module in net.modules():
        # tracing would move the running statistics, and PyTorch's answer with them
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.momentum = 0.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exporter.export(net, args, path, network)
