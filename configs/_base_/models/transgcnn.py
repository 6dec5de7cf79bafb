# ResNet-50 per view (inferred), whose map at a sixteenth of 128 x 512 px two transformers weigh.
_base_ = "two_streams.py"

model = dict(
    backbone=dict(
        type="mmpretrain.ResNet",
        depth=50,
        strides=(1, 2, 2, 1),
        init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"),
    ),
    neck=dict(type="TransformerMask", in_channels=2048, map_size=(8, 32), maps_per_branch=1),
    channels_last=True,
)
