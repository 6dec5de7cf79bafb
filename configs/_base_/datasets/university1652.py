# University-1652 by drone and satellite, with the augmentation and batch of the official baseline.
# Places: 701 train; 701 queries in a gallery of 951.
batch_size = 8
image_size = 256
dataset = dict(type="University1652", data_root="data/University-1652")

resize = dict(type="mmpretrain.Resize", scale=(image_size, image_size), interpolation="bicubic")
crop = dict(type="mmpretrain.RandomCrop", crop_size=image_size, padding=10, padding_mode="edge")
drone_pipeline = [
    dict(type="LoadImage"),
    resize,
    crop,
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    resize,
    dict(type="RandomRotation", degrees=90.0),
    crop,
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
test_pipeline = [
    dict(type="LoadImage"),
    resize,
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    batch_size=batch_size,
    num_workers=4,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="UniquePlaceSampler"),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(
        type="PairDataset",
        source=dataset,
        split="train",
        pipelines=dict(drone=drone_pipeline, satellite=satellite_pipeline),
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(
        type="ImageDataset",
        source=dataset,
        split=("query", "gallery"),
        pipelines=dict(drone=test_pipeline, satellite=test_pipeline),
    ),
)
val_evaluator = dict(
    type="UniversityRetrieval",
    one_percent="round+1",  # as published numbers count R@1%
)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
