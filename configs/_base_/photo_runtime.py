# As default_runtime, for models of single photos: no levels between places, no miner.
_base_ = "default_runtime.py"

default_hooks = dict(
    _delete_=True,
    logger=dict(type="LoggerHook", interval=10),
    finite_loss=dict(type="FiniteLossHook"),
    checkpoint=dict(type="SafeCheckpointHook", interval=1, max_keep_ckpts=2),
    epoch_seed=dict(type="EpochSeedHook"),
    batch_norm=dict(type="BatchNormStatisticsHook"),
    plain_checkpoint=dict(type="PlainCheckpointHook"),
    progress=dict(type="ProgressHook"),
)
