"""The networks of nnU-Net, as its plans describe them."""

from dynamic_network_architectures.architectures.unet import PlainConvUNet, ResidualEncoderUNet
from torch import nn

from record import Network, cube

COMMON = dict(
    conv_op=nn.Conv3d,
    kernel_sizes=3,
    num_classes=3,
    conv_bias=True,
    norm_op=nn.InstanceNorm3d,
    norm_op_kwargs={"eps": 1e-5, "affine": True},
    nonlin=nn.LeakyReLU,
    nonlin_kwargs={"inplace": True},
)
STAGES = dict(n_stages=4, features_per_stage=[8, 16, 32, 64], strides=[1, 2, 2, 2])


def plain(deep_supervision):
    return lambda: PlainConvUNet(
        2, **STAGES, n_conv_per_stage=2, n_conv_per_stage_decoder=2, deep_supervision=deep_supervision, **COMMON
    )


NETWORKS = [
    Network("nnunet-plain", plain(False), cube(2, 32), any_size=True),
    Network("nnunet-plain-deep", plain(True), cube(2, 32), note="deep supervision: three outputs"),
    Network(
        "nnunet-residual",
        lambda: ResidualEncoderUNet(2, **STAGES, n_blocks_per_stage=[1, 2, 2, 2], n_conv_per_stage_decoder=1, **COMMON),
        cube(2, 32),
    ),
    Network(
        "nnunet-anisotropic",
        lambda: PlainConvUNet(
            2, n_stages=3, features_per_stage=[8, 16, 32], strides=[[1, 1, 1], [1, 2, 2], [2, 2, 2]],
            n_conv_per_stage=2, n_conv_per_stage_decoder=2, deep_supervision=False,
            **{**COMMON, "kernel_sizes": [[1, 3, 3], [3, 3, 3], [3, 3, 3]]},
        ),
        ((1, 2, 16, 32, 32),),
        note="kernels and strides of its own for the first axis",
    ),
]
