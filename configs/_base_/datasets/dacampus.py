# DA-Campus, with the crops of the official DyCL code. Places: 450 train, 300 test.
batch_size = 128
image_size = 224
dataset = dict(type="DACampus", data_root="data/DA_Campus")

train_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.ResizeEdge", scale=256, edge="short"),
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
    dict(type="mmpretrain.Resize", scale=(256, 256)),
    dict(type="mmpretrain.CenterCrop", crop_size=image_size),
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
    batch_size=batch_size,
    num_workers=4,
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
