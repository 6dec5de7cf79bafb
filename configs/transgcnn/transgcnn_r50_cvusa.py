_base_ = [
    "../_base_/datasets/cvusa_polar.py",
    "../_base_/models/transgcnn.py",
    "../_base_/schedules/adamw_100e.py",
    "../_base_/default_runtime.py",
]
