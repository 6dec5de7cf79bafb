_base_ = "../dsm/dsm_r18_streetworld.py"

# As for MSFA + DOCB: 27 of the 30 batches of an epoch, from the middle of training on.
model = dict(miner=dict(type="DOCB", memory_size=27, start_epoch=5))
