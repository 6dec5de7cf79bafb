_base_ = [
    "../_base_/datasets/street_world_polar.py",
    "../_base_/models/two_streams.py",
    "../_base_/schedules/adamw_street_world.py",
    "../_base_/default_runtime.py",
]

# The stem of a ResNet and a small transformer over 4 x 16 patches.
model = dict(
    backbone=dict(
        type="LayerToLayerViT",
        model_name="vit_tiny_r_s16_p8_224",
        img_size=(64, 256),
        patch_size=4,
        embed_dim=128,
        depth=4,
        num_heads=4,
    ),
    neck=dict(type="ClassTokens"),
)
# A transformer from random weights needs a lower rate than a CNN.
optim_wrapper = dict(optimizer=dict(lr=1e-3))
