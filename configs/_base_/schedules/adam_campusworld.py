# About five minutes on two CPU cores.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="Adam", lr=1e-3, weight_decay=1e-4),
    paramwise_cfg=dict(),
)
param_scheduler = dict(type="PartwiseCosineLR", T_max=10, eta_min=1e-5)
train_cfg = dict(by_epoch=True, max_epochs=10, val_interval=5)
val_cfg = dict()
test_cfg = dict()
custom_hooks = [dict(type="BeforeTrainingHook")]
