_base_ = [
    "../_base_/datasets/street_world.py",
    "../_base_/models/resnet18_two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

# Four parts: the maps have 4 x 16 and 8 x 8 cells.
model = dict(
    shared=("head",),
    neck=dict(
        street=dict(type="StripPartition", num_parts=4),
        satellite=dict(type="SquareRingPartition", num_parts=4, order="inward"),
    ),
    head=dict(_delete_=True, type="BottleneckHead", in_dims=128, embed_dims=128, num_parts=4),
    losses=dict(
        _delete_=True,
        instance=dict(type="InstanceLoss", num_places=960, embed_dims=128, num_parts=4, weight=2.0),
    ),
    flip_test=True,
)
