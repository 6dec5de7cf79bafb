_base_ = "../dsm/dsm_r18_streetworld.py"

model = dict(losses=dict(_delete_=True, seh=dict(type="SEHLoss", positive_level=1)))
