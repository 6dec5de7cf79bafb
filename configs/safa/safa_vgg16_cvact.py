_base_ = [
    "../_base_/datasets/cvact_polar_safa.py",
    "../_base_/models/vgg16_two_streams_cvact.py",
    "../_base_/schedules/adam_100e.py",
    "../_base_/default_runtime.py",
]

# Pooling that keeps incomplete cells gives the 4 x 20 map of the official code.
model = dict(
    backbone=dict(ceil_mode=True),
    neck=dict(type="SpatialEmbedding", positions=80),
)
