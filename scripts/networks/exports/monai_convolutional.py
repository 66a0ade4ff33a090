"""Segmentation networks of MONAI that are made of convolutions."""

from monai.networks import nets

from record import USUAL, Network, cube

LARGE = ("legacy17", "legacy20-keep", "dynamo")


class FirstOutput(nets.BasicUNetPlusPlus):
    """BasicUNet++ returns a list; without deep supervision it has one element."""

    def forward(self, x):
        return super().forward(x)[0]


def unet(**changes):
    return lambda: nets.UNet(3, 2, 3, channels=(8, 16, 32), strides=(2, 2), **changes)


def dyn_unet(**changes):
    settings = dict(kernel_size=[3] * 4, strides=[1, 2, 2, 2], upsample_kernel_size=[2] * 3, filters=[8, 16, 32, 64])
    return lambda: nets.DynUNet(3, 2, 3, **{**settings, **changes})


NETWORKS = [
    Network("monai-unet", unet(), cube(2, 32), any_size=True, note="PReLU with one weight, InstanceNorm"),
    Network("monai-unet-residual", unet(num_res_units=2), cube(2, 32), any_size=True),
    Network("monai-unet-batch-norm", unet(num_res_units=2, norm="batch", dropout=0.1), cube(2, 32), any_size=True),
    Network("monai-segresnet", lambda: nets.SegResNet(3, 8, 2, 3), cube(2, 32), any_size=True),
    Network(
        "monai-segresnet-untouched",
        lambda: nets.SegResNet(3, 8, 2, 3),
        cube(2, 32),
        perturb=False,
        note="weights as initialised: equal ones are merged by the exporters",
    ),
    Network("monai-basic-unet", lambda: nets.BasicUNet(3, 2, 3, features=(8, 8, 16, 32, 64, 8)), cube(2, 32)),
    Network("monai-dyn-unet", dyn_unet(), cube(2, 32), any_size=True),
    Network("monai-dyn-unet-residual", dyn_unet(res_block=True, norm_name="batch"), cube(2, 32)),
    Network(
        "monai-attention-unet",
        lambda: nets.AttentionUnet(3, 2, 3, channels=(8, 16, 32), strides=(2, 2)),
        cube(2, 32),
        note="a gate of sigmoid at every skip",
    ),
    Network("monai-segresnet-ds", lambda: nets.SegResNetDS(3, 8, 2, 3, blocks_down=(1, 2, 2), dsdepth=1), cube(2, 32)),
    Network("monai-highresnet", lambda: nets.HighResNet(3, 2, 3), cube(2, 32), note="dilated convolutions"),
    Network(
        "monai-basic-unet-plus",
        lambda: FirstOutput(3, 2, 3, features=(8, 8, 16, 32, 64, 8)),
        cube(2, 32),
        exporters=LARGE,
    ),
    Network("monai-vnet", lambda: nets.VNet(3, 1, 2), cube(1, 32), exporters=LARGE, note="45 million weights"),
    Network(
        "monai-mednext",
        lambda: nets.MedNeXt(
            3, 8, 2, 3, encoder_expansion_ratio=2, decoder_expansion_ratio=2, bottleneck_expansion_ratio=2,
            blocks_down=(1, 1, 1, 1), blocks_bottleneck=1, blocks_up=(1, 1, 1, 1),
        ),
        cube(2, 32),
        note="depthwise convolutions, GELU",
    ),
    Network(
        "monai-flexible-unet",
        lambda: nets.FlexibleUNet(2, 3, "efficientnet-b0", spatial_dims=3, decoder_channels=(64, 32, 16, 8, 8)),
        cube(2, 64),
        exporters=LARGE,
    ),
    Network("monai-reg-unet", lambda: nets.RegUNet(3, 2, 8, 2, out_channels=3), cube(2, 32), exporters=LARGE),
]
