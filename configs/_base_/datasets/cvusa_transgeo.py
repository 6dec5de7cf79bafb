# CVUSA without polar transform, at the sizes of TransGeo.
_base_ = "cvusa.py"

street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(616, 112)),  # width, height
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(256, 256)),
    dict(type="mmpretrain.PackInputs"),
]
pipelines = dict(street=street_pipeline, satellite=satellite_pipeline)
train_dataloader = dict(dataset=dict(pipelines=pipelines))
val_dataloader = dict(dataset=dict(pipelines=pipelines))
test_dataloader = val_dataloader
