# CampusWorld, rendered on first use. Places: 375 train, 225 test on campuses never trained on.
batch_size = 64
image_size = 96
dataset = dict(type="CampusWorld", data_root="data/CampusWorld", preset="mini")

train_pipeline = [
    dict(type="LoadImage"),
    dict(
        type="mmpretrain.RandomResizedCrop",
        scale=image_size,
        crop_ratio_range=(0.5, 1.0),
        aspect_ratio_range=(0.9, 1.1),
    ),
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
    batch_size=2 * batch_size,
    num_workers=1,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(
        type="ImageDataset",
        source=dataset,
        split="test",
        pipelines=dict(drone=test_pipeline, satellite=test_pipeline),
    ),
)
val_evaluator = dict(type="HierarchicalRetrieval")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
