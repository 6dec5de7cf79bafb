# From random weights, in minutes on two CPU cores; the frequencies are those that a few thousand
# positions can teach.
_base_ = [
    "../_base_/datasets/globeworld_photos.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/photo_runtime.py",
]

model = dict(
    type="GeoCLIP",
    backbone=dict(type="mmpretrain.ResNet", depth=18, stem_channels=32, base_channels=32),
    neck=dict(type="mmpretrain.GlobalAveragePooling"),
    frozen_backbone=False,
    head=dict(type="PerceptronHead", in_dims=256, hidden_dims=256, embed_dims=128),
    location_encoder=dict(
        type="LocationEncoder",
        sigmas=(1, 4, 16),
        num_frequencies=64,
        hidden_dims=256,
        embed_dims=128,
    ),
    queue=dict(type="GpsQueue", size=512),
    noise=dict(type="GpsNoise", batch_m=150, queue_m=1000),
    max_scale=100.0,
    gallery=dict(type="SourceGallery", source={{_base_.dataset}}, split="train"),
)
