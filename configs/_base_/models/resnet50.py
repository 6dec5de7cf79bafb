# ImageNet weights, frozen BatchNorm statistics, average pooling, LayerNorm, 512-d descriptors.
model = dict(
    type="CrossViewRetriever",
    backbone=dict(
        type="mmpretrain.ResNet",
        depth=50,
        norm_eval=True,
        init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"),
    ),
    neck=dict(type="mmpretrain.GlobalAveragePooling"),
    head=dict(type="ProjectionHead", in_dims=2048, embed_dims=512),
    channels_last=True,
)
