# The official recipe of CV-Cities: plain SGD, one epoch of warm-up, cosine to 0 step by step.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="SGD", lr=0.005),
    paramwise_cfg=dict(),
    clip_grad=dict(type="value", clip_value=100.0),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=1e-3, end=1, convert_to_iter_based=True),
    dict(type="PartwiseCosineLR", T_max=39, begin=1, end=40, convert_to_iter_based=True),
]
train_cfg = dict(by_epoch=True, max_epochs=40, val_interval=5)
val_cfg = dict()
test_cfg = dict()
