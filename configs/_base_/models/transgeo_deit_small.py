# Distilled DeiT-S/16 per view with positions of its own, from ImageNet weights, whose classifiers
# make the descriptor. No padding: of a panorama's 616 columns, 608 make 38 patches.
_base_ = "two_streams.py"

checkpoint = "https://download.openmmlab.com/mmclassification/v0/deit/deit-small-distilled_3rdparty_pt-4xb256_in1k_20211216-4de1d725.pth"
weights = dict(type="Pretrained", checkpoint=checkpoint)
vit = dict(
    type="mmpretrain.DistilledVisionTransformer",
    arch="deit-small",
    patch_cfg=dict(padding=0),
    out_type="raw",
    init_cfg=dict(prefix="backbone.", **weights),
)
model = dict(
    backbone=dict(
        street=dict(img_size=(112, 616), **vit),
        satellite=dict(img_size=256, **vit),
    ),
    neck=dict(type="ClassTokens", num_tokens=2),
    head=dict(
        _delete_=True,
        type="DistilledHead",
        in_dims=384,
        embed_dims=1000,
        init_cfg=dict(prefix="head.", **weights),
    ),
    miner=dict(type="GlobalMining"),
)
