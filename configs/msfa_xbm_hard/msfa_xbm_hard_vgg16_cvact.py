_base_ = "../msfa/msfa_vgg16_cvact.py"

model = dict(miner=dict(type="DOCB", reload=False, memory_size=20))
