# HAPPIER's recipe for DyML-Product: half the learning rate for the backbone, which rests for 5
# epochs; proxies learn at the rate of the head.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="SGD", lr=0.02, momentum=0.9, nesterov=True, weight_decay=1e-4),
    paramwise_cfg=dict(backbone=dict(lr=0.01)),
)
# As in the official code the cosine begins after the warm-up, so epoch 20 does not complete it.
param_scheduler = dict(type="PartwiseCosineLR", T_max=20, begin=5, end=25, eta_min=1e-5)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=5)
val_cfg = dict()
test_cfg = dict()
custom_hooks = [dict(type="BackboneWarmupHook", epochs=5)]
