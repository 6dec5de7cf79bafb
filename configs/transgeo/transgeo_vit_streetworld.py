_base_ = [
    "../_base_/datasets/street_world.py",
    "../_base_/models/two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

# A small transformer from random weights; 64 patches of either view.
vit = dict(
    type="mmpretrain.DistilledVisionTransformer",
    arch=dict(embed_dims=128, num_layers=4, num_heads=4, feedforward_channels=256),
    out_type="raw",
)
model = dict(
    backbone=dict(street=dict(img_size=(64, 256), **vit), satellite=dict(img_size=128, **vit)),
    neck=dict(type="ClassTokens", num_tokens=2),
    head=dict(_delete_=True, type="DistilledHead", in_dims=128, embed_dims=256),
    miner=dict(type="GlobalMining"),
)
# A transformer from random weights needs a lower rate than a CNN.
optim_wrapper = dict(type="SharpnessAwareOptimWrapper", rho=2.5, optimizer=dict(lr=1e-3))
train_dataloader = dict(sampler=dict(_delete_=True, type="GlobalMiningSampler", keep=10))
default_hooks = dict(global_mining=dict(type="GlobalMiningHook"))
