# StreetWorld in the layout of VIGOR, rendered on first use: 480 panoramas to train, 240 to test on
# campuses never trained on, each anywhere in its tile, in a gallery of all tiles of the grid.
_base_ = "street_world.py"

dataset = dict(data_root="data/StreetWorld-vigor", layout="vigor")
train_dataloader = dict(dataset=dict(source=dataset, exclude_semi_positives=True))
val_dataloader = dict(dataset=dict(source=dataset, split="test"))
val_evaluator = dict(_delete_=True, type="PanoramaRetrieval", one_percent="floor+1")
test_dataloader = val_dataloader
test_evaluator = val_evaluator
