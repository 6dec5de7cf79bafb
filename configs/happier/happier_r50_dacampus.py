_base_ = [
    "../_base_/datasets/dacampus.py",
    "../_base_/models/resnet50.py",
    "../_base_/schedules/adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    losses=dict(
        hap=dict(type="HAPLoss", weight=0.9),
        clustering=dict(type="NormalizedSoftmaxLoss", num_places=450, embed_dims=512, weight=0.1),
    )
)
optim_wrapper = dict(
    paramwise_cfg={"losses.clustering": dict(lr=10.0, weight_decay=0.0, eta_min=0.1)}
)
