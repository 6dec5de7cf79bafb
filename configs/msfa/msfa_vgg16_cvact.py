_base_ = [
    "../_base_/datasets/cvact_polar.py",
    "../_base_/models/vgg16_two_streams_cvact.py",
    "../_base_/schedules/adamw_100e.py",
    "../_base_/default_runtime.py",
]

model = dict(neck=dict(type="MSFA"))
