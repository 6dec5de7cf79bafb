# DyCL as in the tutorials: a small world, five epochs.
_base_ = [
    "../_base_/datasets/campusworld_small.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

model = dict(
    losses=dict(
        dycl=dict(type="DyCLLoss", scale=8.0, weight=0.2),
        clustering=dict(type="NormalizedSoftmaxLoss", num_places=150, embed_dims=256, weight=0.1),
    )
)
optim_wrapper = dict(
    paramwise_cfg={"losses.clustering": dict(lr=0.01, weight_decay=0.0, eta_min=1e-4)}
)
param_scheduler = dict(T_max=5)
train_cfg = dict(max_epochs=5)
