_base_ = [
    "../_base_/datasets/street_world_polar.py",
    "../_base_/models/resnet18_two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

model = dict(
    neck=dict(type="TransformerMask", in_channels=128, map_size=(4, 16), embed_dims=128, depth=1)
)
