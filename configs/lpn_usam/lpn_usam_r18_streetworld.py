_base_ = "../lpn/lpn_r18_streetworld.py"

model = dict(backbone=dict(type="USAMResNet"))
