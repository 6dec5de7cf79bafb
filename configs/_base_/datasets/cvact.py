# CVACT. Training: level 2 for the same place, 1 within 25 m, which is no negative (known from the
# code of SAFA), 0 beyond. Validation one-to-one; the test split by the official rule: every tile
# within 5 m counts (known from the code of OriCNN). Pairs: 35,532 train, 8,884 val, 92,802 test.
_base_ = "cvusa.py"

dataset = dict(_delete_=True, type="CVACT", data_root="data/CVACT", splits=["val"])
training = dict(splits=["train"], thresholds_m=(0.1, 25.0))
testing = dict(splits=["test"], thresholds_m=(5.0,))

street_pipeline = [
    dict(type="LoadImage"),
    dict(type="mmpretrain.CenterCrop", crop_size=(1664, 416)),  # width, height: without sky
    dict(type="mmpretrain.Resize", scale=(512, 128)),
    dict(type="mmpretrain.PackInputs"),
]
train_dataloader = dict(
    dataset=dict(source={**dataset, **training}, pipelines=dict(street=street_pipeline))
)
val_dataloader = dict(dataset=dict(source=dataset, pipelines=dict(street=street_pipeline)))
test_dataloader = dict(
    dataset=dict(
        source={**dataset, **testing}, split="test", pipelines=dict(street=street_pipeline)
    )
)
