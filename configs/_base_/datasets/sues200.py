# SUES-200 by drone and satellite: training and validation at 150 m, the test at all four heights.
# Places: 120 train, 80 queries in a gallery of 200. Size of the official code (known).
batch_size = 32
image_size = 384
heights = (150, 200, 250, 300)
dataset = dict(type="SUES200", data_root="data/SUES-200", height=150)

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
test_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(
        type="ImageDataset",
        source=dict(type="SUES200", data_root="data/SUES-200", height=heights),
        split=[f"{side}_{height}" for height in heights for side in ("query", "gallery")],
        pipelines=dict(drone=test_pipeline, satellite=test_pipeline),
    ),
)
val_evaluator = dict(
    type="UniversityRetrieval",
    one_percent="round+1",  # as published numbers count R@1%
)
test_evaluator = dict(
    type="UniversityRetrieval",
    one_percent="round+1",
    tasks=[
        f"query_{height}/{query}->gallery_{height}/{gallery}"
        for query, gallery in (("drone", "satellite"), ("satellite", "drone"))
        for height in heights
    ],
)
