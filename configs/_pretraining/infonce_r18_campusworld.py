# The common start of all methods in the benchmark on CampusWorld, as ImageNet weights are
# elsewhere: InfoNCE on campuses of another world.
_base_ = "../infonce/infonce_r18_campusworld.py"

# 20 campuses: what is learnt on them has to hold on others.
dataset = dict(
    seed=1,
    data_root="data/CampusWorld-pretraining",
    places=(1500, 75),
    views=3,
    campus_style=0.75,
)
train_dataloader = dict(dataset=dict(source=dataset))
val_dataloader = dict(dataset=dict(source=dataset))
test_dataloader = val_dataloader
param_scheduler = dict(T_max=16)
train_cfg = dict(max_epochs=16, val_interval=16)
