# A stream per view from random weights, for StreetWorld on a CPU: a quarter as wide as usual.
# Panoramas of 64 x 256 give a map of 4 x 16 cells, as VGG16 does at 128 x 512.
model = dict(
    type="CrossViewRetriever",
    views=("street", "satellite"),
    shared=(),
    backbone=dict(
        type="mmpretrain.ResNet",
        depth=18,
        stem_channels=16,
        base_channels=16,
        strides=(1, 2, 2, 1),
    ),
    head=dict(type="NormalizeHead"),
    losses=dict(soft_margin=dict(type="SoftMarginTripletLoss", alpha=10.0, positive_level=1)),
    channels_last=True,
)
