_base_ = [
    "../_base_/datasets/dyml_vehicle.py",
    "../_base_/models/resnet34_dyml.py",
    "../_base_/schedules/sgd_100e.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(csl=dict(type="CSLLoss", num_places=39491, embed_dims=512)))
