_base_ = [
    "../_base_/datasets/dacampus.py",
    "../_base_/models/resnet50.py",
    "../_base_/schedules/adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    losses=dict(multi_similarity=dict(type="MultiScaleLoss", loss=dict(type="MultiSimilarityLoss")))
)
