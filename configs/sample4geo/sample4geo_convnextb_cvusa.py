_base_ = [
    "../_base_/datasets/cvusa_sample4geo.py",
    "../_base_/models/sample4geo_convnext.py",
    "../_base_/schedules/adamw_40e.py",
    "../_base_/default_runtime.py",
]

train_dataloader = dict(sampler=dict(_delete_=True, type="DynamicSimilaritySampler"))
default_hooks = dict(neighbour_mining=dict(type="NeighbourMiningHook"))
