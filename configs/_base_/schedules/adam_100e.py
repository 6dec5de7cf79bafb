# Adam at a constant rate: SAFA, DSM, CVFT and CVM-Net (known from their code).
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="Adam", lr=1e-5),
    paramwise_cfg=dict(),
)
train_cfg = dict(by_epoch=True, max_epochs=100, val_interval=10)
val_cfg = dict()
test_cfg = dict()
