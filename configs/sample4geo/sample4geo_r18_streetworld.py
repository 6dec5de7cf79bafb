_base_ = [
    "../_base_/datasets/street_world.py",
    "../_base_/models/resnet18_two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

# One stream for both views. Fewer neighbours than of the 35,532 places of CVUSA.
model = dict(
    shared=("backbone", "neck", "head"),
    neck=dict(type="mmpretrain.GlobalAveragePooling"),
    losses=dict(
        _delete_=True,
        infonce=dict(type="InfoNCELoss", learnable=True, label_smoothing=0.1, positive_level=1),
    ),
)
train_dataloader = dict(
    sampler=dict(
        _delete_=True, type="DynamicSimilaritySampler", neighbour_select=16, neighbour_range=32
    ),
    dataset=dict(pair_transforms=[dict(type="PairFlip"), dict(type="PairRotation")]),
)
default_hooks = dict(neighbour_mining=dict(type="NeighbourMiningHook"))
