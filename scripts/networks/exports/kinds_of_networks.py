"""Kinds that differ in the network: tokens, windows, one weight in PReLU, equal weights, ends, several outputs."""

from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from monai.networks import nets
from torch import nn
from torch.onnx import TrainingMode
from torchvision.models.video.swin_transformer import ShiftedWindowAttention3d

from kind import Kind, Made, inputs_of, judged, strip
from reference import perturb


def seeded(build, weights=True) -> nn.Module:
    torch.manual_seed(0)
    net = build()
    perturb(net, weights)
    return net.eval()


def exported(net: nn.Module, shapes, path: Path, **options) -> None:
    names = ["image", "second"][: len(shapes)]
    torch.onnx.export(net, inputs_of(shapes), path, input_names=names, **options)
    onnx.save(strip(onnx.load(path)), path)


KEPT = dict(dynamo=False, opset_version=17, training=TrainingMode.PRESERVE, do_constant_folding=False)


def kind(name, build, shapes, note, *, weights=True, gradients=True, **options) -> Kind:
    def make(path: Path) -> Made:
        net = seeded(build, weights)
        exported(net, shapes, path, **(options or KEPT))
        return judged(net, shapes, gradients)

    return Kind(name, note, make)


class Small(nn.Module):
    """Two convolutions, a batch normalisation and a head; `end` comes last."""

    def __init__(self, end=None, classes=3):
        super().__init__()
        self.first = nn.Conv3d(2, 4, 3, padding=1)
        self.norm = nn.BatchNorm3d(4)
        self.second = nn.Conv3d(4, 6, 3, stride=2, padding=1)
        self.head = nn.Conv3d(6, classes, 1)
        self.end = end or nn.Identity()

    def features(self, image):
        return F.softplus(self.second(F.gelu(self.norm(self.first(image)))))

    def forward(self, image):
        y = F.interpolate(self.head(self.features(image)), scale_factor=2, mode="trilinear", align_corners=False)
        return self.end(y)


class ArgMax(nn.Module):
    """With the mean of every channel taken away, so that all labels occur."""

    def forward(self, y):
        return (y - y.mean((2, 3, 4), keepdim=True)).argmax(1, keepdim=True)


class Deep(Small):
    """As deep supervision: logits at both sizes."""

    def forward(self, image):
        return super().forward(image), self.head(self.features(image))


class TwoInputs(Small):
    def forward(self, image, second):
        return super().forward(torch.cat([image, second], 1))


class Tokens(nets.ViT):
    def forward(self, x):
        return super().forward(x)[0]


class Warp(nn.Module):
    """Resamples the image at a grid that it computes, as registration networks do."""

    def __init__(self):
        super().__init__()
        self.flow = nn.Conv3d(2, 3, 3, padding=1)

    def forward(self, image):
        theta = torch.eye(3, 4, dtype=image.dtype)[None]
        grid = F.affine_grid(theta, [1, 2, 8, 8, 8], align_corners=False)
        flow = 0.05 * self.flow(image).permute(0, 2, 3, 4, 1)
        return F.grid_sample(image, grid + flow, align_corners=False)


class Windows(nn.Module):
    """Patches, shifted windows and a head, as in Swin3d."""

    def __init__(self):
        super().__init__()
        self.patches, self.head = nn.Conv3d(2, 4, 2, stride=2), nn.Linear(4, 3)
        self.attention = ShiftedWindowAttention3d(4, [2, 2, 2], [1, 1, 1], 2)

    def forward(self, image):
        tokens = self.patches(image).permute(0, 2, 3, 4, 1)
        return self.head(tokens + self.attention(tokens)).permute(0, 4, 1, 2, 3)


CUBE = ((1, 2, 8, 8, 8),)
AXES = {"image": {0: "batch", 2: "x", 3: "y", 4: "z"}}

KINDS = [
    kind("keep", Small, CUBE, "training=PRESERVE, do_constant_folding=False: every weight under its name"),
    kind("folded", Small, CUBE, "the default of the older exporter: normalisation folded into the convolution",
         dynamo=False, opset_version=17, gradients=False),
    kind("sigmoid-end", lambda: Small(nn.Sigmoid()), CUBE, "ends in Sigmoid"),
    kind("softmax-end", lambda: Small(nn.Softmax(1)), CUBE, "ends in Softmax over the channels"),
    kind("argmax-end", lambda: Small(ArgMax()), CUBE, "ends in ArgMax: a map of labels", gradients=False),
    kind("deep-supervision", Deep, CUBE, "two outputs, logits at two sizes"),
    kind("two-inputs", lambda: TwoInputs(), ((1, 1, 8, 8, 8),) * 2, "two inputs of one channel each"),
    kind("dynamic-axes", Small, CUBE, "open batch and sizes", **KEPT, dynamic_axes=AXES),
    kind("dynamo", Small, CUBE, "the newer exporter, one file", dynamo=True, external_data=False, opset_version=18,
         verbose=False),
    kind("prelu", lambda: nets.UNet(3, 2, 3, channels=(4, 6), strides=(2,)), CUBE, "PReLU with a single weight"),
    kind("equal-weights", lambda: nets.SegResNet(3, 2, 2, 3, blocks_down=(1, 1), blocks_up=(1,), norm=("group", {"num_groups": 2})), CUBE, "weights as initialised: the exporter merges equal ones", weights=False,
         dynamo=False, opset_version=17),
    kind("tokens", lambda: Tokens(2, (8, 8, 8), (4, 4, 4), hidden_size=12, mlp_dim=16, num_layers=1, num_heads=2),
         CUBE, "a map of tokens [N, T, C]"),
    kind("windows", Windows, CUBE, "attention in shifted windows of Swin; an empty ScatterND",
         dynamo=True, external_data=False, verbose=False),
    kind("warp", Warp, CUBE, "GridSample", dynamo=False, opset_version=20),
]
