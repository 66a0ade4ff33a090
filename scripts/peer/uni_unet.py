"""The official BrainMVP fine-tuning step in PyTorch: the peer that Sulcus is measured against.

UniUnet with deep supervision (docs/method A.1, A.2) and the losses and optimizers of F.5, written from that description
with the official state-dict keys. Needs `torch`; no part of the product. Run as a script it prints F.5's rows:
    python scripts/peer/uni_unet.py [--dtype float32|float64] [--preset paper|official]
and with `--kinks 1e-4` the fixture tests/fixtures/uni_unet_kinks.json: which inputs of LeakyReLUs lie that close to zero
in float64 in F.5's first forward, by their sign. Float32 gets some of these signs wrong, and nine voxels whose slope is
0.01 instead of 1 move gradients by up to 8e-3 of their std.
"""
import argparse
import json
import math

import torch
import torch.nn.functional as F
from torch import nn


# `.contiguous()` below is needed for right gradients: the backward pass of PyTorch 2.13's BatchNorm3d on the CPU is wrong
# where its input is channels-last and the gradient is not; the layout of tokens would bring that about.


class PatchEmbed(nn.Module):
    """A convolution, then LayerNorm over channels."""

    def __init__(self, cin, dim, kernel=2, stride=2, padding=0):
        super().__init__()
        self.proj = nn.Conv3d(cin, dim, kernel, stride, padding)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x):
        x = self.proj(x)
        tokens = self.norm(x.flatten(2).transpose(1, 2))
        return tokens.transpose(1, 2).reshape(x.shape).contiguous()


class Mlp(nn.Module):
    def __init__(self, fc1, fc2):
        super().__init__()
        self.fc1, self.fc2 = fc1, fc2

    def forward(self, x):
        return self.fc2(F.gelu(self.fc1(x)))


class CBlock(nn.Module):
    def __init__(self, dim, mlp_ratio):
        super().__init__()
        self.pos_embed = nn.Conv3d(dim, dim, 3, padding=1, groups=dim)
        self.norm1, self.norm2 = nn.BatchNorm3d(dim), nn.BatchNorm3d(dim)
        self.conv1, self.conv2 = nn.Conv3d(dim, dim, 1), nn.Conv3d(dim, dim, 1)
        self.attn = nn.Conv3d(dim, dim, 5, padding=2, groups=dim)
        self.mlp = Mlp(nn.Conv3d(dim, mlp_ratio * dim, 1), nn.Conv3d(mlp_ratio * dim, dim, 1))

    def forward(self, x):
        x = x + self.pos_embed(x)
        x = x + self.conv2(self.attn(self.conv1(self.norm1(x))))
        return x + self.mlp(self.norm2(x))


class Attention(nn.Module):
    def __init__(self, dim, head_dim):
        super().__init__()
        self.head_dim = head_dim
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, t):
        b, n, d = t.shape
        q, k, v = self.qkv(t).reshape(b, n, 3, d // self.head_dim, self.head_dim).permute(2, 0, 3, 1, 4)
        scores = (q @ k.transpose(-2, -1)) * self.head_dim**-0.5
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(b, n, d))


class SABlock(nn.Module):
    def __init__(self, dim, head_dim, mlp_ratio):
        super().__init__()
        self.pos_embed = nn.Conv3d(dim, dim, 3, padding=1, groups=dim)
        self.norm1, self.norm2 = nn.LayerNorm(dim, eps=1e-6), nn.LayerNorm(dim, eps=1e-6)
        self.attn = Attention(dim, head_dim)
        self.mlp = Mlp(nn.Linear(dim, mlp_ratio * dim), nn.Linear(mlp_ratio * dim, dim))

    def forward(self, x):
        x = x + self.pos_embed(x)
        t = x.flatten(2).transpose(1, 2)
        t = t + self.attn(self.norm1(t))
        t = t + self.mlp(self.norm2(t))
        return t.transpose(1, 2).reshape(x.shape).contiguous()


class Encoder(nn.Module):
    """Works in the axis order Z, X, Y, as the official code does."""

    def __init__(self, cin, widths, depths, head_dim, mlp_ratio):
        super().__init__()
        for i, (dim, depth) in enumerate(zip(widths, depths), 1):
            block = (lambda d: CBlock(d, mlp_ratio)) if i < 3 else (lambda d: SABlock(d, head_dim, mlp_ratio))
            setattr(self, f"patch_embed{i}", PatchEmbed(cin if i == 1 else widths[i - 2], dim))
            setattr(self, f"blocks{i}", nn.Sequential(*(block(dim) for _ in range(depth))))
        self.norm = nn.BatchNorm3d(widths[3])

    def forward(self, x):
        features = []
        for i in range(1, 5):
            x = getattr(self, f"blocks{i}")(getattr(self, f"patch_embed{i}")(x))
            features.append(x)
        return [*features[:3], self.norm(x)]


class Wrapped(nn.Module):
    """MONAI's Convolution holds its layer as `conv`."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv

    def forward(self, x):
        return self.conv(x)


class ResBlock(nn.Module):
    """MONAI's UnetResBlock with a 1³ residual."""

    def __init__(self, cin, cout):
        super().__init__()
        self.conv1 = Wrapped(nn.Conv3d(cin, cout, 3, padding=1, bias=False))
        self.conv2 = Wrapped(nn.Conv3d(cout, cout, 3, padding=1, bias=False))
        self.conv3 = Wrapped(nn.Conv3d(cin, cout, 1, bias=False))
        self.lrelu = nn.LeakyReLU(0.01)

    def forward(self, x):
        y = self.lrelu(F.instance_norm(self.conv1(x)))
        return self.lrelu(F.instance_norm(self.conv2(y)) + F.instance_norm(self.conv3(x)))


class UpBlock(nn.Module):
    """MONAI's UnetrUpBlock."""

    def __init__(self, cin, cout):
        super().__init__()
        self.transp_conv = Wrapped(nn.ConvTranspose3d(cin, cout, 2, 2, bias=False))
        self.conv_block = ResBlock(2 * cout, cout)

    def forward(self, x, skip):
        return self.conv_block(torch.cat([self.transp_conv(x), skip], 1))


class Decoder(nn.Module):
    def __init__(self, cin, cout, widths):
        super().__init__()
        w1, w2, w3, w4 = widths
        self.decoder5, self.decoder4 = UpBlock(w4, w3), UpBlock(w3, w2)
        self.decoder3, self.decoder2 = UpBlock(w2, w1), UpBlock(w1, w1)
        self.proj1 = PatchEmbed(cin, w1, 3, 1, 1)
        self.out = Wrapped(Wrapped(nn.Conv3d(w1, cout, 1)))


class UniUnet(nn.Module):
    """Image [N, cin, X, Y, Z] → logits out4, out3, out and the encoder's x4, axes X, Y, Z."""

    def __init__(self, cin=4, cout=3, widths=(64, 128, 320, 512), depths=(3, 4, 8, 3), head_dim=64, mlp_ratio=4):
        super().__init__()
        self.encoder = Encoder(cin, widths, depths, head_dim, mlp_ratio)
        self.decoder = Decoder(cin, cout, widths)
        self.ms_out = nn.ModuleList([nn.Conv3d(widths[1], cout, 1), nn.Conv3d(widths[0], cout, 1)])

    def forward(self, image):
        zxy = image.permute(0, 1, 4, 2, 3)
        d = self.decoder
        x1, x2, x3, x4, stem = (v.permute(0, 1, 3, 4, 2) for v in [*self.encoder(zxy), d.proj1(zxy)])
        d4 = d.decoder4(d.decoder5(x4, x3), x2)
        d3 = d.decoder3(d4, x1)
        out = d.out(d.decoder2(d3, stem))
        up = lambda v: F.interpolate(v, image.shape[2:], mode="trilinear", align_corners=True)
        return {"out4": up(self.ms_out[0](d4)), "out3": up(self.ms_out[1](d3)), "out": out, "x4": x4}


def fill(model):
    """docs/method F.2's deterministic weights."""
    for k, (name, t) in enumerate(sorted(model.state_dict().items())):
        if not t.dtype.is_floating_point:
            continue
        s = torch.sin(0.37 * torch.arange(t.numel(), dtype=torch.float64) + k).reshape(t.shape)
        if name.endswith("running_var"):
            v = 1 + 0.1 * s
        elif name.endswith("running_mean"):
            v = 0.05 * s
        elif t.dim() <= 1:
            v = (1 if name.endswith(".weight") else 0) + 0.1 * s
        else:
            v = s / math.sqrt(t[0].numel())
        t.copy_(v)
    return model


def ramp(shape):
    """docs/method F.2's input."""
    return (0.5 + 0.5 * torch.sin(0.01 * torch.arange(math.prod(shape), dtype=torch.float64))).reshape(shape)


def criterion(logits, target):
    """(0.7 Σ_c dice_c + 0.3 Σ_c BCE_c)/C over the whole batch (docs/method B.3 rows 14, 15)."""
    p, axes = torch.sigmoid(logits), (0, 2, 3, 4)
    dice = 1 - (2 * (p * target).sum(axes) + 1) / ((p * p).sum(axes) + (target * target).sum(axes) + 1)
    bce = F.binary_cross_entropy_with_logits(logits, target, reduction="none").mean(axes)
    return (0.7 * dice.sum() + 0.3 * bce.sum()) / logits.shape[1]


def losses(model, views, target, preset):
    """Loss, supervision and consistency of two views, each forwarded with batch statistics of its own."""
    a, b = (model(v) for v in views)
    heads = ("out4", "out3", "out")
    if preset == "paper":
        supervision = sum(criterion(v[h], target) for h in heads for v in (a, b))
    else:
        both = torch.cat([target, target])
        supervision = sum(criterion(torch.cat([a[h], b[h]]), both) for h in heads)
    on = "x4" if preset == "paper" else "out4"
    consistency = F.mse_loss(a[on], b[on])
    return supervision + 0.1 * consistency, supervision, consistency


def optimizer(model, preset, lr=3e-4, weight_decay=1e-4):
    kind = torch.optim.AdamW if preset == "paper" else torch.optim.Adam
    return kind(model.parameters(), lr=lr, weight_decay=weight_decay)


def step(model, opt, views, target, preset):
    """One fine-tuning step; returns the losses before the update."""
    opt.zero_grad()
    found = losses(model, views, target, preset)
    found[0].backward()
    opt.step()
    return [float(v.detach()) for v in found]


def row(t):
    """Mean, population standard deviation, first, middle and last element."""
    v = t.detach().double().flatten()
    return [float(x) for x in (v.mean(), v.std(correction=0), v[0], v[v.numel() // 2], v[-1])]


GRADIENT_ROWS = [
    "encoder.patch_embed1.proj.weight",
    "encoder.blocks1.0.norm1.weight",
    "encoder.blocks1.0.attn.weight",
    "encoder.blocks3.0.attn.qkv.weight",
    "decoder.decoder2.transp_conv.conv.weight",
    "decoder.decoder2.conv_block.conv1.conv.weight",
    "decoder.out.conv.conv.weight",
    "ms_out.0.weight",
]
UPDATED_ROWS = [*GRADIENT_ROWS, "encoder.norm.running_var", "encoder.blocks1.0.norm1.running_mean"]


def vector_case(dtype):
    """docs/method F.5's network in training mode and its two views."""
    view = ramp((1, 4, 32, 32, 32))
    return fill(UniUnet().to(dtype)).train(), [view.to(dtype), (0.9 * view).to(dtype)]


def vectors(preset, dtype):
    """docs/method F.5: losses of three steps, gradients at step 0, weights after three updates."""
    model, views = vector_case(dtype)
    target = (torch.arange(3 * 32**3) % 7 == 0).to(dtype).reshape(1, 3, 32, 32, 32)
    opt = optimizer(model, preset)
    found = {"losses": []}
    for t in range(3):
        found["losses"].append(step(model, opt, views, target, preset))
        if t == 0:
            grads = {name: p.grad for name, p in model.named_parameters()}
            found["gradients"] = {name: row(grads[name]) for name in GRADIENT_ROWS}
    state = model.state_dict()
    return {**found, "updated": {name: row(state[name]) for name in UPDATED_ROWS}}


def kinks(near):
    """Inputs of LeakyReLUs within `near` of zero, in forward order of both views: flat indices by sign, before the
    first update and, by preset, before the second one."""
    found = {}
    for preset in ("paper", "official"):
        model, views = vector_case(torch.float64)
        target = (torch.arange(3 * 32**3) % 7 == 0).to(torch.float64).reshape(1, 3, 32, 32, 32)
        opt = optimizer(model, preset)
        found["0"] = near_zero(model, views, near)
        step(model, opt, views, target, preset)
        found[f"{preset} 1"] = near_zero(model, views, near)
    return found


def near_zero(model, views, near):
    found = []

    def note(_module, inputs):
        x = inputs[0].flatten()
        at = (x.abs() < near).nonzero().flatten()
        found.append({"positive": at[x[at] >= 0].tolist(), "negative": at[x[at] < 0].tolist()})

    for module in model.modules():
        if isinstance(module, nn.LeakyReLU):
            module.register_forward_pre_hook(note)
    with torch.no_grad():
        for view in views:
            model(view)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    parser.add_argument("--preset", choices=["paper", "official"], default="paper")
    parser.add_argument("--kinks", type=float)
    args = parser.parse_args()
    if args.kinks:
        print(json.dumps(kinks(args.kinks), indent=2))
        raise SystemExit
    found = vectors(args.preset, getattr(torch, args.dtype))
    for t, values in enumerate(found["losses"]):
        print(f"step {t}", *(f"{v:.12g}" for v in values))
    for title in ("gradients", "updated"):
        for name, values in found[title].items():
            print(title, name, *(f"{v:.12g}" for v in values))
