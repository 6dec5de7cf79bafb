_base_ = "../msfa/msfa_r18_streetworld.py"

model = dict(miner=dict(type="DOCB", reload=False, memory_size=27, start_epoch=5))
