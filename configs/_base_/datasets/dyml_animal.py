# DyML-Animal, as DyML-Vehicle. Training classes: 495 fine, 28 middle, 5 coarse.
_base_ = "dyml_vehicle.py"

dataset = dict(subset="animal")
train_dataloader = dict(dataset=dict(source=dataset))
val_dataloader = dict(dataset=dict(source=dataset))
test_dataloader = val_dataloader
