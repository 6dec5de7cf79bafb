_base_ = [
    "../_base_/datasets/dyml_vehicle.py",
    "../_base_/models/resnet34_dyml.py",
    "../_base_/schedules/sgd_100e.py",
    "../_base_/default_runtime.py",
]

triplet = dict(type="TripletLoss", margin=0.1, triplets="semihard")
model = dict(losses=dict(sum_triplet_semihard=dict(type="MultiScaleLoss", loss=triplet)))
