"""Video networks of torchvision, read as networks for volumes."""

from torchvision.models import video

from record import Network, cube

LARGE = ("legacy17", "legacy20-keep", "dynamo")

NETWORKS = [
    Network("torchvision-r3d-18", lambda: video.r3d_18(num_classes=3), cube(3, 32), exporters=LARGE, any_size=True),
    Network("torchvision-mc3-18", lambda: video.mc3_18(num_classes=3), cube(3, 32), exporters=LARGE),
    Network("torchvision-r2plus1d-18", lambda: video.r2plus1d_18(num_classes=3), cube(3, 32), exporters=LARGE),
    Network("torchvision-s3d", lambda: video.s3d(num_classes=3), ((1, 3, 16, 224, 224),), exporters=LARGE),
    Network(
        "torchvision-swin3d",
        lambda: video.SwinTransformer3d(
            patch_size=[2, 4, 4], embed_dim=24, depths=[2, 2, 2], num_heads=[2, 4, 8], window_size=[4, 4, 4],
            num_classes=3,
        ),
        cube(3, 32),
        exporters=("legacy17", "legacy20-keep", "dynamo", "dynamo-newest"),
        note="an empty ScatterND",
    ),
    Network("torchvision-swin3d-t", lambda: video.swin3d_t(num_classes=3), cube(3, 32), exporters=LARGE),
    Network(
        "torchvision-mvit",
        lambda: video.MViT(
            spatial_size=(32, 32),
            temporal_size=16,
            block_setting=[
                video.mvit.MSBlockConfig(2, 16, 32, [3, 3, 3], [1, 4, 4], [3, 3, 3], [1, 1, 1]),
                video.mvit.MSBlockConfig(4, 32, 32, [3, 3, 3], [1, 2, 2], [3, 3, 3], [1, 2, 2]),
            ],
            residual_pool=False,
            residual_with_cls_embed=True,
            rel_pos_embed=False,
            proj_after_attn=False,
            num_classes=3,
        ),
        ((1, 3, 16, 32, 32),),
        exporters=LARGE,
    ),
]
