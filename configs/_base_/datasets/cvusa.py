# CVUSA, one-to-one: every panorama has one tile among the 8,884 of val. Pairs: 35,532 train.
batch_size = 32
dataset = dict(type="CVUSA", data_root="data/CVUSA")

street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(512, 128)),  # width, height
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(256, 256)),
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
        views=("street", "satellite"),
        pipelines=dict(street=street_pipeline, satellite=satellite_pipeline),
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
        split="val",
        pipelines=dict(street=street_pipeline, satellite=satellite_pipeline),
    ),
)
# R@1% counts floor(0.01 N) images, as SAFA, DSM and L2LTR do (known from their code).
val_evaluator = dict(type="UniversityRetrieval", tasks=["street->satellite"], one_percent="floor")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
