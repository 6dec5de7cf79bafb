_base_ = "../lpn/lpn_r50_cvact.py"

# ImageNet's weights lack the units' batch norms.
model = dict(backbone=dict(type="USAMResNet", init_cfg=dict(allow_missing=True)))
