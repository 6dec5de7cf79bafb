# From random weights, for CampusWorld on a CPU.
model = dict(
    type="CrossViewRetriever",
    backbone=dict(type="mmpretrain.ResNet", depth=18),
    neck=dict(type="mmpretrain.GlobalAveragePooling"),
    head=dict(type="ProjectionHead", in_dims=512, embed_dims=256),
    channels_last=True,
)
