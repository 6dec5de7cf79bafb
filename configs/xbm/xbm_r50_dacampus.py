_base_ = [
    "../_base_/datasets/dacampus.py",
    "../_base_/models/resnet50.py",
    "../_base_/schedules/adam_20e.py",
    "../_base_/default_runtime.py",
]

contrastive = dict(type="CosineContrastiveLoss", margin=0.5)
model = dict(
    losses=dict(contrastive=contrastive),
    miner=dict(type="XBM", loss=contrastive, memory_size=8192, start_iteration=1000),
)
