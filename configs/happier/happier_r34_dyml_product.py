_base_ = [
    "../_base_/datasets/dyml_product.py",
    "../_base_/models/resnet34_dyml_product.py",
    "../_base_/schedules/sgd_20e.py",
    "../_base_/default_runtime.py",
]

model = dict(
    losses=dict(
        hap=dict(type="HAPLoss", weight=0.9),
        clustering=dict(type="NormalizedSoftmaxLoss", num_places=1639, embed_dims=512, weight=0.1),
    )
)
