# HAPPIER's recipe for DyML-Vehicle and -Animal: proxies learn at the rate of the network.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="SGD", lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4),
    paramwise_cfg=dict(),
)
param_scheduler = dict(type="PartwiseCosineLR", T_max=100, eta_min=1e-6)
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
val_cfg = dict()
test_cfg = dict()
