_base_ = [
    "../_base_/datasets/cvact_square.py",
    "../_base_/models/lpn_resnet50.py",
    "../_base_/schedules/sgd_120e_warmup.py",
    "../_base_/default_runtime.py",
]

train_dataloader = dict(batch_size=16)
