# The official recipe: Adam, half the learning rate for the backbone, which rests for 5 epochs.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="Adam", lr=1e-4, weight_decay=1e-4),
    paramwise_cfg=dict(backbone=dict(lr=5e-5)),
)
# As in the official code the cosine begins after the warm-up, so epoch 20 does not complete it.
param_scheduler = dict(type="PartwiseCosineLR", T_max=20, begin=5, end=25, eta_min=0.0)
train_cfg = dict(by_epoch=True, max_epochs=20, val_interval=5)
val_cfg = dict()
test_cfg = dict()
custom_hooks = [dict(type="BackboneWarmupHook", epochs=5)]
