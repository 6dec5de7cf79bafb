_base_ = [
    "../_base_/datasets/street_world.py",
    "../_base_/models/resnet18_two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

model = dict(
    shared=("head",),
    neck=dict(type="NetVLAD", in_channels=128, num_clusters=16),
    head=dict(_delete_=True, type="ProjectionHead", in_dims=2048, embed_dims=256, norm=False),
)
