"""One kind of file: how it is made, and what its record says."""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import onnx
import torch
from torch import nn

from reference import outputs_of, summary, wave


@dataclass(frozen=True)
class Made:
    """What a kind's file was made of; no outputs for a file that must be refused."""

    inputs: tuple[tuple[int, ...], ...]
    outputs: list[torch.Tensor] = field(default_factory=list)
    gradients: dict[str, dict] = field(default_factory=dict)

    def record(self, kind: "Kind") -> dict:
        return {
            "note": kind.note,
            "inputs": self.inputs,
            "outputs": [summary(out) for out in self.outputs],
            "gradients": self.gradients,
            **({} if kind.refused is None else {"refused": kind.refused}),
        }


@dataclass(frozen=True)
class Kind:
    name: str
    note: str
    make: Callable[[Path], Made]
    #: What the refusal must say, for a file that cannot be imported.
    refused: str | None = None


def inputs_of(shapes) -> tuple[torch.Tensor, ...]:
    return tuple(wave(shape, float(k)) for k, shape in enumerate(shapes))


def judged(net: nn.Module, shapes, gradients: bool = True) -> Made:
    """The network's answers in float64, with its weights as they are stored."""
    precise = copy.deepcopy(net).eval().double()
    outputs = outputs_of(precise(*(a.double() for a in inputs_of(shapes))))
    found = {}
    if gradients:
        loss = sum((out * wave(out.shape, 0.25).double()).sum() for out in outputs)
        parameters = dict(precise.named_parameters())
        parts = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
        found = {name: summary(g, p) for (name, p), g in zip(parameters.items(), parts) if g is not None}
    return Made(shapes, [out.detach().double() for out in outputs], found)


def strip(model: onnx.ModelProto) -> onnx.ModelProto:
    """Without the names of the exporting machine's files, and without what shape inference finds again."""
    model.doc_string = ""
    del model.metadata_props[:]
    for graph in [model.graph, *model.functions]:
        for node in graph.node:
            node.doc_string = ""
            del node.metadata_props[:]
    del model.graph.metadata_props[:]
    del model.graph.value_info[:]
    for tensor in [*model.graph.initializer, *model.graph.input, *model.graph.output]:
        del tensor.metadata_props[:]
    return model
