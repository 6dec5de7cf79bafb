_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

contrastive = dict(type="CosineContrastiveLoss", margin=0.5)
model = dict(
    losses=dict(contrastive=contrastive),
    miner=dict(type="XBM", loss=contrastive, memory_size=256, start_iteration=35),
)
