"""What one network of others is: how to build it, on which input, and by which exports it is tried."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn

#: The exports of a network by default. `exporters.py` says what each does.
USUAL = ("legacy17", "legacy20-keep", "legacy17-train", "dynamo", "dynamo-newest")


@dataclass(frozen=True)
class Network:
    name: str
    build: Callable[[], nn.Module]
    #: The shape of the input; several for a network with several inputs.
    inputs: tuple[tuple[int, ...], ...]
    exporters: tuple[str, ...] = USUAL
    #: Axes 2, 3, 4 that the network takes at any size: exports with dynamic axes leave them open.
    any_size: bool = False
    #: False leaves the weights as the library initialises them: many are equal, so exporters merge them.
    perturb: bool = True
    #: Why the network as a whole is refused; the words that Sulcus must say.
    refused: str | None = None
    note: str = ""


def cube(channels: int, side: int, batch: int = 1) -> tuple[tuple[int, ...], ...]:
    return ((batch, channels, side, side, side),)
