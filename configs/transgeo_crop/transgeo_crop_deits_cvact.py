_base_ = "../transgeo/transgeo_deits_cvact.py"

# Tiles of 320 px instead of 256 px, of which 64 % of the patches are kept, from the first stage.
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(320, 320)),
    dict(type="mmpretrain.PackInputs"),
]
pipelines = dict(satellite=satellite_pipeline)
train_dataloader = dict(dataset=dict(pipelines=pipelines))
val_dataloader = dict(dataset=dict(pipelines=pipelines))
test_dataloader = dict(dataset=dict(pipelines=pipelines))

model = dict(
    backbone=dict(
        street=dict(init_cfg=None),
        satellite=dict(
            type="AttentionCropViT",
            img_size=320,
            keep=0.64,
            guide=dict(img_size=256),
            init_cfg=None,
        ),
    ),
    head=dict(init_cfg=None),
    init_cfg=dict(type="Pretrained", checkpoint="work_dirs/transgeo_deits_cvact/epoch_100.pth"),
)
optim_wrapper = dict(optimizer=dict(lr=1e-5))
param_scheduler = dict(T_max=50)
train_cfg = dict(max_epochs=50)
