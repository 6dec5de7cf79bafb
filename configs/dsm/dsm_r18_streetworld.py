_base_ = [
    "../_base_/datasets/street_world_polar.py",
    "../_base_/models/resnet18_two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

similarity = dict(type="AzimuthSimilarity", map_size=(16, 2, 32))
model = dict(
    backbone=dict(num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,)),
    neck=dict(
        street=dict(type="AzimuthMap", in_channels=32, widths=(32, 32, 16)),
        satellite=dict(type="AzimuthMap", in_channels=32, widths=(32, 32, 16), wrap_columns=True),
    ),
    similarity=similarity,
)
val_evaluator = dict(similarity=similarity)
test_evaluator = val_evaluator
