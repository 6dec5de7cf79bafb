# GlobeWorld, rendered on first use.
batch_size = 64
image_size = 64
dataset = dict(type="GlobeWorld", data_root="data/GlobeWorld")

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.RandomResizedCrop", scale=image_size, crop_ratio_range=(0.5, 1.0)),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
test_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(image_size, image_size)),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=1,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="geoloc.collate_photos"),
    dataset=dict(type="PhotoDataset", source=dataset, split="train", pipeline=train_pipeline),
)
val_dataloader = dict(
    batch_size=2 * batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_photos"),
    dataset=dict(type="PhotoDataset", source=dataset, split="test", pipeline=test_pipeline),
)
val_evaluator = dict(type="GlobalLocalization")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
