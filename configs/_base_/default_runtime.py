default_scope = "geoloc"
runner_type = "QuietRunner"
env_cfg = dict(cudnn_benchmark=True, mp_cfg=dict(mp_start_method="fork", opencv_num_threads=0))
log_level = "INFO"
default_hooks = dict(
    logger=dict(type="LoggerHook", interval=10),
    checkpoint=dict(type="SafeCheckpointHook", interval=1, max_keep_ckpts=2),
    finite_loss=dict(type="FiniteLossHook"),
    epoch_seed=dict(type="EpochSeedHook"),
    batch_norm=dict(type="BatchNormStatisticsHook"),
    place_levels=dict(type="PlaceLevelsHook"),
    miner=dict(type="MinerHook"),
    plain_checkpoint=dict(type="PlainCheckpointHook"),
    progress=dict(type="ProgressHook"),
)
visualizer = dict(type="Visualizer", vis_backends=[dict(type="LocalVisBackend")])
