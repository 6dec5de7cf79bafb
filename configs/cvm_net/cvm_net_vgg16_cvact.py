_base_ = [
    "../_base_/datasets/cvact.py",
    "../_base_/models/vgg16_two_streams_cvact.py",
    "../_base_/schedules/adam_100e.py",
    "../_base_/default_runtime.py",
]

street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.CenterCrop", crop_size=(1664, 416)),
    dict(type="mmpretrain.Resize", scale=(1232, 224)),
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(512, 512)),
    dict(type="mmpretrain.PackInputs"),
]
pipelines = dict(street=street_pipeline, satellite=satellite_pipeline)
train_dataloader = dict(dataset=dict(pipelines=pipelines))
val_dataloader = dict(dataset=dict(pipelines=pipelines))
test_dataloader = val_dataloader

model = dict(
    shared=("head",),
    backbone=dict(with_last_pool=False),
    neck=dict(type="NetVLAD", in_channels=512),
    head=dict(_delete_=True, type="ProjectionHead", in_dims=32768, embed_dims=4096, norm=False),
)
