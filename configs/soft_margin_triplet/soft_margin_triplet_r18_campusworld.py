_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(soft_margin=dict(type="SoftMarginTripletLoss", alpha=10.0)))
