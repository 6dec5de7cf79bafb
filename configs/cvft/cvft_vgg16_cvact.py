_base_ = [
    "../_base_/datasets/cvact.py",
    "../_base_/models/vgg16_two_streams_cvact.py",
    "../_base_/schedules/adam_100e.py",
    "../_base_/default_runtime.py",
]

# VGG16 without its last pooling; a tile of 256 px gives the 8 x 8 positions of the official code.
model = dict(
    backbone=dict(with_last_pool=False),
    neck=dict(
        street=dict(type="FeatureTransport", in_channels=512, size=(8, 8)),
        satellite=dict(type="FeatureTransport", in_channels=512, size=(8, 8), transport=False),
    ),
)
