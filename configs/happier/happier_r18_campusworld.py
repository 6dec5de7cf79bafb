_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

model = dict(
    losses=dict(
        hap=dict(type="HAPLoss", weight=0.9),
        clustering=dict(type="NormalizedSoftmaxLoss", num_places=375, embed_dims=256, weight=0.1),
    )
)
optim_wrapper = dict(
    paramwise_cfg={"losses.clustering": dict(lr=0.01, weight_decay=0.0, eta_min=1e-4)}
)
