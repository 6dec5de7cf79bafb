_base_ = [
    "../_base_/datasets/street_world.py",
    "../_base_/models/resnet18_two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

model = dict(
    neck=dict(
        street=dict(type="FeatureTransport", in_channels=128, size=(4, 4)),
        satellite=dict(type="FeatureTransport", in_channels=128, size=(4, 4), transport=False),
    ),
)
