# CVACT with every tile turned into a panorama by the polar transform.
_base_ = "cvact.py"

satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="PolarTransform", scale=(128, 512)),  # height, width
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(dataset=dict(pipelines=dict(satellite=satellite_pipeline)))
val_dataloader = dict(dataset=dict(pipelines=dict(satellite=satellite_pipeline)))
test_dataloader = val_dataloader
