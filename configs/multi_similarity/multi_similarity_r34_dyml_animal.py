_base_ = [
    "../_base_/datasets/dyml_animal.py",
    "../_base_/models/resnet34_dyml.py",
    "../_base_/schedules/sgd_100e.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(multi_similarity=dict(type="MultiSimilarityLoss")))
