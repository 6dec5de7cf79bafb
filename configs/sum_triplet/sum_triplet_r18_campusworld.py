_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

triplet = dict(type="TripletLoss", margin=0.1, reduction="nonzero")
model = dict(losses=dict(sum_triplet=dict(type="MultiScaleLoss", loss=triplet)))
