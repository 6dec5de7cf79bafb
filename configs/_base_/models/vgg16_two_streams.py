# VGG16 per view from ImageNet weights, with SAFA's dropout, the loss of CVM-Net and its successors.
model = dict(
    type="CrossViewRetriever",
    views=("street", "satellite"),
    shared=(),
    backbone=dict(
        type="DropoutVGG",
        depth=16,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://download.openmmlab.com/mmclassification/v0/vgg/vgg16_batch256_imagenet_20210208-db26f1a5.pth",
        ),
    ),
    head=dict(type="NormalizeHead"),
    losses=dict(soft_margin=dict(type="SoftMarginTripletLoss", alpha=10.0, positive_level=1)),
    channels_last=True,
)
