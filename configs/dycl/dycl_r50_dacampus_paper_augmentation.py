# The augmentation that the DyCL paper describes: whole images at 256 px, flips, and satellite
# tiles turned by any angle.
_base_ = "dycl_r50_dacampus.py"

image_size = 256
test_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(image_size, image_size)),
    dict(type="mmpretrain.PackInputs"),
]
drone_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(image_size, image_size)),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
satellite_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(image_size, image_size)),
    dict(type="RandomRotation", degrees=180.0),
    dict(type="mmpretrain.RandomFlip", prob=0.5),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    dataset=dict(pipelines=dict(drone=drone_pipeline, satellite=satellite_pipeline))
)
val_dataloader = dict(dataset=dict(pipelines=dict(drone=test_pipeline, satellite=test_pipeline)))
test_dataloader = val_dataloader
