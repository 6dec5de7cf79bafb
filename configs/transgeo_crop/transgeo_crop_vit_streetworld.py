_base_ = "../transgeo/transgeo_vit_streetworld.py"

# Tiles of 160 px instead of 128 px, of which 64 % of the patches are kept, from the first stage.
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(160, 160)),
    dict(type="mmpretrain.PackInputs"),
]
pipelines = dict(satellite=satellite_pipeline)
train_dataloader = dict(dataset=dict(pipelines=pipelines))
val_dataloader = dict(dataset=dict(pipelines=pipelines))
test_dataloader = val_dataloader

model = dict(
    backbone=dict(
        satellite=dict(type="AttentionCropViT", img_size=160, keep=0.64, guide=dict(img_size=128))
    ),
    init_cfg=dict(type="Pretrained", checkpoint="work_dirs/transgeo_vit_streetworld/epoch_10.pth"),
)
optim_wrapper = dict(optimizer=dict(lr=1e-4))
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-2, end=1, convert_to_iter_based=True),
    dict(type="PartwiseCosineLR", T_max=4, begin=1, end=5, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=5, val_interval=5)
