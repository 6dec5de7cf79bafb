# VIGOR, cross area: train in New York and Seattle (51,520 panoramas), test in San Francisco and
# Chicago (53,694).
_base_ = "vigor.py"

dataset = dict(area="cross")
train_dataloader = dict(dataset=dict(source=dataset))
val_dataloader = dict(dataset=dict(source=dataset))
test_dataloader = val_dataloader
