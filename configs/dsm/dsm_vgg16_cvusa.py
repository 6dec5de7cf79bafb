_base_ = [
    "../_base_/datasets/cvusa_polar.py",
    "../_base_/models/vgg16_two_streams.py",
    "../_base_/schedules/adam_100e.py",
    "../_base_/default_runtime.py",
]

# VGG16 up to conv4_3; which blocks the official code freezes is inferred. A tile's panorama has no
# left and right end.
backbone = dict(
    type="DropoutVGG",
    depth=16,
    num_stages=4,
    dilations=(1, 1, 1, 1),
    out_indices=(3,),
    with_last_pool=False,
    frozen_stages=3,
    dropout_stages=(4,),
    init_cfg={{_base_.model.backbone.init_cfg}},
)
similarity = dict(type="AzimuthSimilarity", map_size=(16, 4, 64))
model = dict(
    backbone=dict(_delete_=True, street=backbone, satellite=dict(wrap_columns=True, **backbone)),
    neck=dict(
        street=dict(type="AzimuthMap", in_channels=512),
        satellite=dict(type="AzimuthMap", in_channels=512, wrap_columns=True),
    ),
    similarity=similarity,
)
val_evaluator = dict(similarity=similarity)
test_evaluator = val_evaluator
