_base_ = [
    "../_base_/datasets/dyml_vehicle.py",
    "../_base_/models/resnet34_dyml.py",
    "../_base_/schedules/sgd_100e.py",
    "../_base_/default_runtime.py",
]

nsm = dict(type="NormalizedSoftmaxLoss", num_places=39491, embed_dims=512)
model = dict(
    losses=dict(sum_nsm=dict(type="MultiScaleClassLoss", loss=nsm, coarser_classes=(93, 5)))
)
