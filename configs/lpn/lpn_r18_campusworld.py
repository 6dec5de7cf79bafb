_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

# Three rings: at 96 px the map has 6 x 6 cells.
model = dict(
    backbone=dict(strides=(1, 2, 2, 1)),
    neck=dict(_delete_=True, type="SquareRingPartition", num_parts=3),
    head=dict(_delete_=True, type="BottleneckHead", in_dims=256, embed_dims=256, num_parts=3),
    losses=dict(instance=dict(type="InstanceLoss", num_places=375, embed_dims=256, num_parts=3)),
    flip_test=True,
)
