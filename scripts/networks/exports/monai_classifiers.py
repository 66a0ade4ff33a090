"""Classifiers of MONAI."""

from monai.networks import nets

from record import Network, cube

LARGE = ("legacy17", "legacy20-keep", "dynamo")


def resnet(build, **changes):
    return lambda: build(spatial_dims=3, n_input_channels=1, num_classes=3, widen_factor=0.25, **changes)


NETWORKS = [
    Network("monai-resnet10", resnet(nets.resnet10), cube(1, 32), any_size=True),
    Network("monai-resnet18", resnet(nets.resnet18, shortcut_type="A"), cube(1, 32), note="shortcuts padded with zeros"),
    Network("monai-resnet50", resnet(nets.resnet50), cube(1, 32), exporters=LARGE),
    Network(
        "monai-densenet",
        lambda: nets.DenseNet(3, 1, 3, init_features=16, growth_rate=8, block_config=(2, 3, 2)),
        cube(1, 32),
    ),
    Network("monai-densenet121", lambda: nets.DenseNet121(3, 1, 3), cube(1, 32), exporters=LARGE),
    Network(
        "monai-se-resnet",
        lambda: nets.SENet(
            3, 1, "se_bottleneck", (1, 1, 1, 1), 1, 16, inplanes=16, downsample_kernel_size=1, input_3x3=False,
            num_classes=3,
        ),
        cube(1, 32),
        exporters=LARGE,
    ),
    Network(
        "monai-efficientnet-b0",
        lambda: nets.EfficientNetBN("efficientnet-b0", pretrained=False, spatial_dims=3, in_channels=1, num_classes=3),
        cube(1, 32),
        exporters=LARGE,
    ),
]
