# ConvNeXt-B of 384 px, shared by the views, from weights of ImageNet-21k and then -1k.
model = dict(
    type="CrossViewRetriever",
    views=("street", "satellite"),
    backbone=dict(
        type="mmpretrain.ConvNeXt",
        arch="base",
        drop_path_rate=0.0,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/convnext/convnext-base_in21k-pre-3rdparty_in1k-384px_20221219-4570f792.pth",
        ),
    ),
    neck=dict(type="NoPooling"),
    head=dict(type="NormalizeHead"),
    losses=dict(
        infonce=dict(type="InfoNCELoss", learnable=True, label_smoothing=0.1, positive_level=1)
    ),
    channels_last=True,
)
