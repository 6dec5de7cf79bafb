_base_ = "../dsm/dsm_vgg16_cvact.py"

model = dict(miner=dict(type="DOCB", memory_size=20))
