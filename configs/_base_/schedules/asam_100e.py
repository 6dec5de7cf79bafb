# TransGeo's: ASAM around AdamW, a cosine without warm-up (known from its code). A step costs two
# passes, in float32.
amp = False
optim_wrapper = dict(
    type="SharpnessAwareOptimWrapper",
    rho=2.5,
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.03),
    paramwise_cfg=dict(),
)
param_scheduler = dict(type="PartwiseCosineLR", T_max=100)
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
val_cfg = dict()
test_cfg = dict()
