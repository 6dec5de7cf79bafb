_base_ = [
    "../_base_/datasets/vigor_cross.py",
    "../_base_/models/resnet50.py",
    "../_base_/schedules/adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    views=("street", "satellite"),
    losses=dict(infonce=dict(type="InfoNCELoss", positive_level=2, negative_level=0)),
)
