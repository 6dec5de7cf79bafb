# LPN's on CVUSA and CVACT with ResNet-50 (known from its scripts). There the loss grows during the
# first five epochs, here the learning rate, which for SGD only spares the weight decay.
amp = True
optim_wrapper = dict(
    type="OptimWrapper",
    constructor="PartwiseOptimWrapperConstructor",
    optimizer=dict(type="SGD", lr=0.05, momentum=0.9, nesterov=True, weight_decay=5e-4),
    paramwise_cfg=dict(backbone=dict(lr=0.005)),
)
param_scheduler = [
    dict(type="LinearLR", start_factor=0.1, end=5, convert_to_iter_based=True),
    dict(type="MultiStepLR", milestones=[80]),
]
train_cfg = dict(by_epoch=True, max_epochs=120, val_interval=10)
val_cfg = dict()
test_cfg = dict()
