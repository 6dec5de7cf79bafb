_base_ = [
    "../_base_/datasets/campusworld.py",
    "../_base_/models/resnet18.py",
    "../_base_/schedules/adam_campusworld.py",
    "../_base_/default_runtime.py",
]

model = dict(losses=dict(srcl=dict(type="SemivariogramInfoNCELoss", same_place_m=1.0)))
default_hooks = dict(semivariogram=dict(type="SemivariogramHook", refit="epoch"))
