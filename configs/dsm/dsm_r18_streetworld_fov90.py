_base_ = "dsm_r18_streetworld.py"

# The map has 32 columns for 360 degrees, and 8 for 90.
street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.Resize", scale=(256, 64)),  # width, height
    dict(type="FieldOfView", degrees=90),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(dataset=dict(pipelines=dict(street=street_pipeline)))
val_dataloader = dict(dataset=dict(pipelines=dict(street=street_pipeline)))
test_dataloader = val_dataloader
similarity = dict(ground_columns=8)
model = dict(neck=dict(street=dict(circle=32)), similarity=similarity)
val_evaluator = dict(similarity=similarity)
test_evaluator = val_evaluator
