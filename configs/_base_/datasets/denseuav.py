# DenseUAV by drone and satellite. Places: 2,256 train; 777 queries in a gallery of 3,033. The image
# size is inferred.
batch_size = 64
image_size = 224
dataset = dict(type="DenseUAV", data_root="data/DenseUAV")

resize = dict(type="mmpretrain.Resize", scale=(image_size, image_size), interpolation="bicubic")
train_pipeline = [
    dict(type="LoadImage"),
    resize,
    dict(type="RandomRotation", degrees=180.0),
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
        pipelines=dict(drone=train_pipeline, satellite=train_pipeline),
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
    type="DenseUAVRetrieval",
    one_percent="round+1",  # as published numbers count R@1%
)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
