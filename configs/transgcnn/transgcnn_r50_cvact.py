_base_ = [
    "../_base_/datasets/cvact_polar.py",
    "../_base_/models/transgcnn.py",
    "../_base_/schedules/adamw_100e.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(soft_margin=dict(positive_level=2, negative_level=0)))
