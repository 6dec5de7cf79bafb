_base_ = [
    "../_base_/datasets/dacampus.py",
    "../_base_/schedules/sgd_40e.py",
    "../_base_/default_runtime.py",
]

batch_size = 10
image_size = 448
resize = dict(type="mmpretrain.Resize", scale=(image_size, image_size))
colour = dict(
    type="mmpretrain.ColorJitter", brightness=0.15, contrast=0.15, saturation=0.15, backend="cv2"
)
drone_pipeline = [
    dict(type="LoadImage"),
    resize,
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    colour,
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    resize,
    dict(type="RandomRotation"),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    colour,
    dict(type="mmpretrain.PackInputs"),
]
test_pipeline = [
    dict(type="LoadImage"),
    resize,
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size,
    dataset=dict(pipelines=dict(drone=drone_pipeline, satellite=satellite_pipeline)),
)
val_dataloader = dict(dataset=dict(pipelines=dict(drone=test_pipeline, satellite=test_pipeline)))
test_dataloader = val_dataloader

model = dict(
    type="CrossViewRetriever",
    backbone=dict(
        type="mmpretrain.VisionTransformer",
        arch="base",
        img_size=image_size,
        patch_size=14,
        layer_scale_init_value=1e-5,
        final_norm=False,
        out_type="featmap",
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://dl.fbaipublicfiles.com/dinov2/dinov2_vitb14/dinov2_vitb14_pretrain.pth",
        ),
    ),
    neck=dict(
        type="MixVPR",
        in_channels=768,
        in_h=32,
        in_w=32,
        out_channels=1024,
        mix_depth=2,
        out_rows=4,
    ),
    head=dict(type="NormalizeHead"),
    losses=dict(infonce=dict(type="InfoNCELoss", learnable=True, label_smoothing=0.1)),
)
