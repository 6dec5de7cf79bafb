_base_ = [
    "../_base_/datasets/cvact_transgeo.py",
    "../_base_/models/transgeo_deit_small.py",
    "../_base_/schedules/asam_100e.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(soft_margin=dict(positive_level=2, negative_level=0)))
train_dataloader = dict(sampler=dict(_delete_=True, type="GlobalMiningSampler"))
default_hooks = dict(global_mining=dict(type="GlobalMiningHook"))
