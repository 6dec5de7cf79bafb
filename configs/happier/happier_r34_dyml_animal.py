_base_ = [
    "../_base_/datasets/dyml_animal.py",
    "../_base_/models/resnet34_dyml.py",
    "../_base_/schedules/sgd_100e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    losses=dict(
        hap=dict(type="HAPLoss", weight=0.5),
        clustering=dict(type="NormalizedSoftmaxLoss", num_places=495, embed_dims=512, weight=0.5),
    )
)
