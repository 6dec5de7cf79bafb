_base_ = "dsm_vgg16_cvusa.py"

# The map has 64 columns for 360 degrees, and 16 for 90.
street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(512, 128)),  # width, height
    dict(type="FieldOfView", degrees=90),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(dataset=dict(pipelines=dict(street=street_pipeline)))
val_dataloader = dict(dataset=dict(pipelines=dict(street=street_pipeline)))
test_dataloader = val_dataloader
similarity = dict(ground_columns=16)
model = dict(neck=dict(street=dict(circle=64)), similarity=similarity)
val_evaluator = dict(similarity=similarity)
test_evaluator = val_evaluator
