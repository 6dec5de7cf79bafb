# StreetWorld in the layout of CVUSA, rendered on first use. Pairs: 960 train, 240 val on campuses
# never trained on. Images have half the side of those rendered.
batch_size = 32
dataset = dict(type="StreetWorld", data_root="data/StreetWorld")

street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(256, 64)),  # width, height
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(128, 128)),
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
        views=("street", "satellite"),
        pipelines=dict(street=street_pipeline, satellite=satellite_pipeline),
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
        split="val",
        pipelines=dict(street=street_pipeline, satellite=satellite_pipeline),
    ),
)
val_evaluator = dict(type="UniversityRetrieval", tasks=["street->satellite"])
test_dataloader = val_dataloader
test_evaluator = val_evaluator
