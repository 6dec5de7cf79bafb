# A CampusWorld that is rendered in seconds. Places: 150 train, 75 test on campuses of their own.
batch_size = 32
image_size = 64
dataset = dict(
    type="CampusWorld",
    data_root="data/SmallWorld",
    places=(150, 75),
    views=3,
    image_size=image_size,
)

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
test_pipeline = [dict(type="LoadImage"), dict(type="mmpretrain.PackInputs")]
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
