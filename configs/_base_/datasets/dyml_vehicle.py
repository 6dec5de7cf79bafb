# DyML-Vehicle with the crops of the official HAPPIER code. Training classes: 39491 fine, 93 middle,
# 5 coarse. One view: the model needs views=("image",).
batch_size = 256
image_size = 224
dataset = dict(type="DyML", data_root="data/DyML", subset="vehicle")

train_pipeline = [
    dict(type="LoadImage"),
    dict(
        type="mmpretrain.RandomResizedCrop",
        scale=image_size,
        crop_ratio_range=(0.16, 1.0),
        aspect_ratio_range=(0.75, 1.33),
    ),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
test_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.ResizeEdge", scale=256, edge="short"),
    dict(type="mmpretrain.CenterCrop", crop_size=image_size),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="PlaceImageSampler", images_per_place=4),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(
        type="PairDataset",
        source=dataset,
        split="train",
        views=("image",),
        pipelines=dict(image=train_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(
        type="ImageDataset",
        source=dataset,
        split=[
            f"{scale}_{side}"
            for scale in ("fine", "middle", "coarse")
            for side in ("query", "gallery")
        ],
        pipelines=dict(image=test_pipeline),
    ),
)
val_evaluator = dict(
    type="DyMLRetrieval",
    tasks=dict(
        fine="fine_query/image->fine_gallery/image",
        middle="middle_query/image->middle_gallery/image",
        coarse="coarse_query/image->coarse_gallery/image",
    ),
)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
