_base_ = "../dsm/dsm_vgg16_cvusa.py"

model = dict(miner=dict(type="DOCB", memory_size=1000))
