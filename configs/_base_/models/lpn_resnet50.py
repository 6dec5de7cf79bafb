# LPN of ResNet-50 for street and satellite: rows of the panorama, top to bottom, pair with square
# rings of the tile from the outside in. The sum over the views is twice their mean.
model = dict(
    type="CrossViewRetriever",
    views=("street", "satellite"),
    shared=("head",),
    backbone=dict(
        type="mmpretrain.ResNet",
        depth=50,
        strides=(1, 2, 2, 1),
        init_cfg=dict(type="Pretrained", checkpoint="torchvision://resnet50"),
    ),
    neck=dict(
        street=dict(type="StripPartition", num_parts=8),
        satellite=dict(type="SquareRingPartition", num_parts=8, order="inward"),
    ),
    head=dict(type="BottleneckHead", in_dims=2048, embed_dims=512, num_parts=8, dropout=0.5),
    losses=dict(
        instance=dict(
            type="InstanceLoss", num_places=35532, embed_dims=512, num_parts=8, weight=2.0
        )
    ),
    flip_test=True,
    channels_last=True,
)
