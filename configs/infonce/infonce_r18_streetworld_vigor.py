_base_ = [
    "../_base_/datasets/street_world_vigor.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

model = dict(
    views=("street", "satellite"),
    losses=dict(infonce=dict(type="InfoNCELoss", positive_level=2, negative_level=0)),
)
