_base_ = "../msfa/msfa_r18_streetworld.py"

# As many candidates, in proportion, as 100 of the 40,000 in a pool on CVUSA would be too few here.
model = dict(miner=dict(type="GlobalMining"))
train_dataloader = dict(sampler=dict(_delete_=True, type="GlobalMiningSampler", keep=10))
default_hooks = dict(global_mining=dict(type="GlobalMiningHook"))
