# VIGOR, same area: train and test in all four cities. Panoramas: 52,609 train, 52,605 test, in a
# gallery of 90,618 tiles. Sizes of TransGeo (known: its code). A tile that a panorama also shows is
# no negative: losses need positive_level=2, negative_level=0.
batch_size = 32
dataset = dict(type="VIGOR", data_root="data/VIGOR", area="same")

street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(640, 320)),  # width, height
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(320, 320)),
    dict(type="mmpretrain.PackInputs"),
]
pipelines = dict(street=street_pipeline, satellite=satellite_pipeline)
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
        pipelines=pipelines,
        exclude_semi_positives=True,
    ),
)
val_dataloader = dict(
    batch_size=128,
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_views"),
    dataset=dict(type="ImageDataset", source=dataset, split="test", pipelines=pipelines),
)
val_evaluator = dict(
    type="PanoramaRetrieval",
    one_percent="floor+1",  # as VIGOR's code counts R@1%; Sample4Geo and TransGeo: floor
)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
