_base_ = [
    "../_base_/datasets/sues200.py",
    "../_base_/models/resnet50.py",
    "../_base_/schedules/adam_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(infonce=dict(type="InfoNCELoss", positive_level=1)))
