# DyML-Product: one test set with all labels, whose images are all queries and gallery. Training
# classes: 1639 fine, 171 middle, 36 coarse.
_base_ = "dyml_vehicle.py"

dataset = dict(subset="product")
train_dataloader = dict(dataset=dict(source=dataset))
val_dataloader = dict(dataset=dict(source=dataset, split="test"))
val_evaluator = dict(
    tasks=dict(fine="image->image", middle="image->image", coarse="image->image"),
)
test_dataloader = val_dataloader
test_evaluator = val_evaluator
