_base_ = "../msfa/msfa_vgg16_cvusa.py"

model = dict(miner=dict(type="GlobalMining"))
train_dataloader = dict(sampler=dict(_delete_=True, type="GlobalMiningSampler"))
default_hooks = dict(global_mining=dict(type="GlobalMiningHook"))
