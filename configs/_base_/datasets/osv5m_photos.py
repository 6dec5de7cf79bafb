# Photos of OpenStreetView-5M at 224 px. Batch size: recalled from the paper of GeoCLIP.
batch_size = 512
image_size = 224
dataset = dict(type="OSV5M", data_root="data/OSV5M")

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.RandomResizedCrop", scale=image_size, interpolation="bicubic"),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(
        type="RandomApply",
        transforms=[
            # without the official hue of 0.1, whose transform in mmcv 2.2 fails with numpy 2
            dict(type="mmpretrain.ColorJitter", brightness=0.4, contrast=0.4, saturation=0.4)
        ],
        prob=0.8,
    ),
    dict(type="RandomGrayscale", prob=0.2, keep_channels=True),
    dict(type="mmpretrain.PackInputs"),
]
test_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.ResizeEdge", scale=image_size, edge="short", interpolation="bicubic"),
    dict(type="mmpretrain.CenterCrop", crop_size=image_size),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=8,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="geoloc.collate_photos"),
    dataset=dict(type="PhotoDataset", source=dataset, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=8,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_photos"),
    dataset=dict(type="PhotoDataset", source=dataset, split="test", pipeline=test_pipeline),
)
val_evaluator = dict(type="GlobalLocalization")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
