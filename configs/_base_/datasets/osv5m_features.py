# Features of the photos of OpenStreetView-5M, from tools/extract_features.py (768-d, float16: about
# 7.5 GB for the training photos).
batch_size = 512
features = "data/OSV5M/features/clip-vit-l14"

train_dataloader = dict(
    batch_size=batch_size,
    num_workers=2,
    persistent_workers=True,
    drop_last=True,
    sampler=dict(type="DefaultSampler", shuffle=True),
    collate_fn=dict(type="geoloc.collate_photos"),
    dataset=dict(type="FeatureDataset", path=f"{features}/train", split="train"),
)
val_dataloader = dict(
    batch_size=batch_size,
    num_workers=2,
    persistent_workers=True,
    sampler=dict(type="DefaultSampler", shuffle=False),
    collate_fn=dict(type="geoloc.collate_photos"),
    dataset=dict(type="FeatureDataset", path=f"{features}/test", split="test"),
)
val_evaluator = dict(type="GlobalLocalization")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
