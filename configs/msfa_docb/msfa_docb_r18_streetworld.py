_base_ = "../msfa/msfa_r18_streetworld.py"

# 27 of the 30 batches of an epoch: as large a part of the training set as M = 1000 on CVUSA.
model = dict(miner=dict(type="DOCB", memory_size=27))
