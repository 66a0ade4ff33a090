"""Networks of MONAI with attention: maps of tokens, windows, relative positions."""

from monai.networks import nets

from record import Network, cube

LARGE = ("legacy17", "legacy20-keep", "dynamo", "dynamo-newest")
TOKENS = dict(hidden_size=96, mlp_dim=192, num_heads=4)


def swin(**changes):
    return lambda: nets.SwinUNETR(in_channels=2, out_channels=3, feature_size=24, depths=(2, 2, 2, 2), **changes)


class Vit(nets.ViT):
    """Its tokens, without the hidden states that MONAI returns beside them."""

    def forward(self, x):
        return super().forward(x)[0]


def vit(**changes):
    return lambda: Vit(in_channels=2, img_size=(32, 32, 32), patch_size=(8, 8, 8), num_layers=3, **TOKENS, **changes)


NETWORKS = [
    Network(
        "monai-unetr",
        lambda: nets.UNETR(in_channels=2, out_channels=3, img_size=(32, 32, 32), feature_size=8, **TOKENS),
        cube(2, 32),
    ),
    Network("monai-vit", vit(), cube(2, 32), note="tokens [N, T, C]"),
    Network("monai-vit-classifier", vit(classification=True, num_classes=4), cube(2, 32), note="with a class token"),
    Network("monai-swin-unetr", swin(), cube(2, 64), exporters=LARGE),
    Network("monai-swin-unetr-v2", swin(use_v2=True), cube(2, 64), exporters=LARGE[:3]),
]
