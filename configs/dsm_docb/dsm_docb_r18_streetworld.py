_base_ = "../dsm/dsm_r18_streetworld.py"

# 14 of the 15 batches of an epoch: as large a part of the training set as M = 1000 on CVUSA.
model = dict(miner=dict(type="DOCB", memory_size=14))
