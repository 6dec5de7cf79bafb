_base_ = [
    "../_base_/datasets/cvact_sample4geo.py",
    "../_base_/models/sample4geo_convnext.py",
    "../_base_/schedules/adamw_40e.py",
    "../_base_/default_runtime.py",
]

# Level 2 is the same place; what lies within 25 m is a negative like any other, as in its code.
model = dict(losses=dict(infonce=dict(positive_level=2)))
train_dataloader = dict(sampler=dict(_delete_=True, type="DynamicSimilaritySampler"))
default_hooks = dict(neighbour_mining=dict(type="NeighbourMiningHook"))
