"""What PyTorch computes in float64 for a network: outputs, and the gradients of a projection of them."""

import copy
from pathlib import Path

import numpy as np
import torch
from torch import nn

#: Elements of a gradient that are written down, evenly spread.
SAMPLES = 32


def wave(shape, phase: float) -> torch.Tensor:
    """Element i is sin(i / 10 + phase) + 0.3 sin(1.7 i), rounded to float32: any language can make it again."""
    i = np.arange(int(np.prod(shape)), dtype=np.float64)
    return torch.from_numpy((np.sin(0.1 * i + phase) + 0.3 * np.sin(1.7 * i)).astype(np.float32)).reshape(shape)


def perturb(net: nn.Module, weights: bool) -> None:
    """Running statistics that are not 0 and 1; with `weights`, no two weights are equal."""
    generator = torch.Generator().manual_seed(1)
    for name, buffer in net.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(0.1 * torch.randn(buffer.shape, generator=generator))
        if name.endswith("running_var"):
            buffer.copy_(0.8 + 0.4 * torch.rand(buffer.shape, generator=generator))
    if not weights:
        return
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.add_(0.02 * torch.randn(parameter.shape, generator=generator))


def outputs_of(result) -> list[torch.Tensor]:
    if isinstance(result, torch.Tensor):
        return [result]
    if isinstance(result, dict):
        result = list(result.values())
    return [tensor for part in result for tensor in outputs_of(part)]


def summary(gradient: torch.Tensor, weight: torch.Tensor | None = None) -> dict:
    """With a weight also its first, middle and last value: exporters fold other factors into weights, under the same name."""
    flat = gradient.reshape(-1)
    at = [k * len(flat) // min(SAMPLES, len(flat)) for k in range(min(SAMPLES, len(flat)))]
    dot = torch.dot(flat, wave(flat.shape, 0.5).double())
    record = {"shape": list(gradient.shape), "norm": float(flat.norm()), "dot": float(dot), "samples": flat[at].tolist()}
    if weight is not None:
        values = weight.detach().reshape(-1)
        record["weight"] = [float(values[k]) for k in (0, len(values) // 2, len(values) - 1)]
    return record


def reference(net: nn.Module, args: tuple[torch.Tensor, ...], folder: Path) -> dict:
    """
    Writes input0.f32, output0.f64, … and returns their shapes and the gradients of sum(output * wave) with respect to
    every parameter, by its name in PyTorch.
    """
    precise = copy.deepcopy(net).eval().double()
    outputs = outputs_of(precise(*(a.double() for a in args)))
    loss = sum((out * wave(out.shape, 0.25).double()).sum() for out in outputs)
    # a weight that two modules share has two names, and exporters choose between them
    parameters = dict(precise.named_parameters(remove_duplicate=False))
    found = torch.autograd.grad(loss, list(parameters.values()), allow_unused=True)
    for k, a in enumerate(args):
        a.numpy().tofile(folder / f"input{k}.f32")
    for k, out in enumerate(outputs):
        out.detach().numpy().tofile(folder / f"output{k}.f64")
    return {
        "inputs": [list(a.shape) for a in args],
        "outputs": [list(out.shape) for out in outputs],
        "gradients": {name: summary(g, p) for (name, p), g in zip(parameters.items(), found) if g is not None},
        "trained": len({id(p) for p, g in zip(parameters.values(), found) if g is not None}),
        "parameters": sum(p.numel() for p in net.parameters()),
    }
