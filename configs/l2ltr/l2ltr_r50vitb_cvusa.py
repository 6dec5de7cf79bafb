_base_ = [
    "../_base_/datasets/cvusa_polar.py",
    "../_base_/models/l2ltr.py",
    "../_base_/schedules/adamw_200e.py",
    "../_base_/default_runtime.py",
]
