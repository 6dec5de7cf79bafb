_base_ = [
    "../_base_/datasets/dacampus.py",
    "../_base_/models/resnet50.py",
    "../_base_/schedules/adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    backbone=dict(strides=(1, 2, 2, 1)),
    neck=dict(_delete_=True, type="SquareRingPartition", num_parts=4),
    head=dict(_delete_=True, type="BottleneckHead", in_dims=2048, embed_dims=512, num_parts=4),
    losses=dict(instance=dict(type="InstanceLoss", num_places=450, embed_dims=512, num_parts=4)),
    flip_test=True,
)
