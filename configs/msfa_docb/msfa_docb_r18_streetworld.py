_base_ = "../msfa/msfa_r18_streetworld.py"

# 27 of the 30 batches of an epoch: as large a part of the training set as M = 1000 on CVUSA. Mining
# begins in the middle of training; an epoch is only 30 steps, after one of which nothing is learnt.
model = dict(miner=dict(type="DOCB", memory_size=27, start_epoch=5))
