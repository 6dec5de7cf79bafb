_base_ = [
    "../_base_/datasets/dyml_product.py",
    "../_base_/models/resnet34_dyml_product.py",
    "../_base_/schedules/sgd_20e.py",
    "../_base_/default_runtime.py",
]

nsm = dict(type="NormalizedSoftmaxLoss", num_places=1639, embed_dims=512)
model = dict(
    losses=dict(sum_nsm=dict(type="MultiScaleClassLoss", loss=nsm, coarser_classes=(171, 36)))
)
