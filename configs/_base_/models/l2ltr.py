# ResNet-50 and ViT-B/16 per view, weights of ImageNet-21k.
_base_ = "two_streams.py"

model = dict(
    backbone=dict(
        type="LayerToLayerViT",
        model_name="vit_base_r50_s16_224",
        img_size=(128, 512),
        proj_drop_rate=0.1,
        init_cfg=dict(
            type="Pretrained",
            checkpoint="https://huggingface.co/timm/vit_base_r50_s16_224.orig_in21k/resolve/main/pytorch_model.bin",
        ),
    ),
    neck=dict(type="ClassTokens"),
)
