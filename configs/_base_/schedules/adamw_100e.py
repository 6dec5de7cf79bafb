# AdamW with the values of L2LTR (known from its code); for MSFA they are inferred, as its paper is
# not public in that detail.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="AdamW", lr=1e-4, weight_decay=0.03),
    paramwise_cfg=dict(),
)
# 500 steps are 0.45 epochs of CVUSA and CVACT.
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-3, by_epoch=False, end=500),
    dict(type="PartwiseCosineLR", T_max=100, end=100, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
val_cfg = dict()
test_cfg = dict()
