# The recipe with its crops and flips made where the model is, a batch at a time: the loader brings
# images to one size, a little larger than the crop's, as for the test.
_base_ = "dycl_r50_dacampus.py"

loaded_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(256, 256)),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    dataset=dict(pipelines=dict(drone=loaded_pipeline, satellite=loaded_pipeline))
)
augment = dict(
    type="BatchAugment",
    scale=224,
    crop_ratio_range=(0.16, 1.0),
    aspect_ratio_range=(0.75, 1.33),
    flip_prob=0.5,
)
model = dict(
    data_preprocessor=dict(type="ViewPreprocessor", augment=dict(drone=augment, satellite=augment))
)
