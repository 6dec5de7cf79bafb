# HAPPIER's network for DyML-Product: ImageNet weights, frozen BatchNorm statistics.
_base_ = "resnet34_dyml.py"

model = dict(
    backbone=dict(
        norm_eval=True,
        init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet34"),
    )
)
