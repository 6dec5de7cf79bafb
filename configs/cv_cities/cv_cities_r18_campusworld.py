_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

# At 96 px the map has 3 x 3 cells.
model = dict(
    neck=dict(
        _delete_=True,
        type="MixVPR",
        in_channels=256,
        in_h=3,
        in_w=3,
        out_channels=64,
        mix_depth=2,
        out_rows=4,
    ),
    head=dict(_delete_=True, type="NormalizeHead"),
    losses=dict(infonce=dict(type="InfoNCELoss", learnable=True, label_smoothing=0.1)),
)
