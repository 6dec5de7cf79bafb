# HAPPIER's network for DyML-Vehicle and -Animal: one view, random weights, 512-d descriptors.
model = dict(
    type="CrossViewRetriever",
    views=("image",),
    backbone=dict(type="mmpretrain.ResNet", depth=34),
    neck=dict(type="mmpretrain.GlobalAveragePooling"),
    head=dict(type="ProjectionHead", in_dims=512, embed_dims=512),
    channels_last=True,
)
