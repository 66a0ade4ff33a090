"""docs/method F.6's pre-training steps in PyTorch, written from that description: the peer of the graph in src/train/.

    python scripts/peer/pretraining.py [--dtype float32|float64]
"""
import argparse

import torch
from torch import nn

from uni_unet import Encoder, Wrapped, fill, ramp

WIDTHS, EDGE, CELL = (16, 32, 64, 128), 32, 8


class Up(nn.Module):
    def __init__(self, cin, cout):
        super().__init__()
        self.transp_conv = Wrapped(nn.ConvTranspose3d(cin, cout, 2, 2, bias=False))


class Decoder(nn.Module):
    """Transposed convolutions back to back: a linear map."""

    def __init__(self, widths):
        super().__init__()
        w1, w2, w3, w4 = widths
        self.decoder5, self.decoder4 = Up(w4, w3), Up(w3, w2)
        self.decoder3, self.decoder2 = Up(w2, w1), Up(w1, w1)
        self.out_1 = Wrapped(Wrapped(nn.Conv3d(w1, 1, 1)))

    def forward(self, x):
        for up in (self.decoder5, self.decoder4, self.decoder3, self.decoder2):
            x = up.transp_conv(x)
        return self.out_1(x)


class Wrapper(nn.Module):
    def __init__(self):
        super().__init__()
        self.uniformer = Encoder(1, WIDTHS, (1, 1, 2, 1), 16, 4)


class Pretraining(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.decoder = Wrapper(), Decoder(WIDTHS)
        self.rep_template = nn.Parameter(torch.zeros(2, EDGE, EDGE, EDGE))

    def forward(self, x, visible):
        t = self.rep_template[0]
        t = (t - t.min()) / (t.max() - t.min() + 1e-9)
        image, other = x[:, :1], x[:, 1:]
        copies = [torch.where(v, image, fill) for v, fill in zip(visible, (t.expand_as(image), other))]
        x4 = self.encoder.uniformer(torch.cat(copies).permute(0, 1, 4, 2, 3))[3]
        md, cmr = ((half - image).square().mean() for half in self.decoder(x4.permute(0, 1, 3, 4, 2)).chunk(2))
        a, b = (nn.functional.normalize(half.flatten(1)) for half in x4.chunk(2))
        target = torch.arange(len(a))
        contrast = sum(nn.functional.cross_entropy(s, target) for s in (a @ b.T, b @ a.T)) / 2
        return md + cmr + contrast, md, cmr, contrast


def row(t):
    flat = t.flatten()
    return [f"{float(v):.12g}" for v in (flat.mean(), flat.std(correction=0), flat[0], flat[len(flat) // 2], flat[-1])]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dtype", choices=["float32", "float64"], default="float64")
    dtype = getattr(torch, parser.parse_args().dtype)
    model = Pretraining().to(dtype)
    with torch.no_grad():
        fill(model)
    cells = torch.arange((EDGE // CELL) ** 3).reshape((EDGE // CELL,) * 3)
    full = cells.repeat_interleave(CELL, 0).repeat_interleave(CELL, 1).repeat_interleave(CELL, 2)
    visible = [full % 8 == remainder for remainder in (0, 3)]
    x = ramp((2, 2, EDGE, EDGE, EDGE)).to(dtype)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-4, weight_decay=1e-5)
    for step in range(3):
        losses = model(x, visible)
        print(step, *(f"{loss.item():.12g}" for loss in losses))
        optimizer.zero_grad()
        losses[0].backward()
        if step == 0:
            print("gradient of rep_template", row(model.rep_template.grad))
        optimizer.step()
    state = model.state_dict()
    for name in ("rep_template", "encoder.uniformer.blocks1.0.attn.weight", "encoder.uniformer.norm.running_var",
                 "decoder.out_1.conv.conv.weight"):
        print("after 3 updates", name, row(state[name]))


if __name__ == "__main__":
    main()
