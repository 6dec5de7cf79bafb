_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

model = dict(
    head=dict(_delete_=True, type="BottleneckHead", in_dims=256, embed_dims=256),
    losses=dict(instance=dict(type="InstanceLoss", num_places=375, embed_dims=256)),
    flip_test=True,
)
