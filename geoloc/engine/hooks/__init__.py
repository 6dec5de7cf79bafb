"""Hooks that a training run of geoloc attaches to mmengine's Runner."""

from geoloc.engine.hooks.backbone_warmup import BackboneWarmupHook
from geoloc.engine.hooks.batch_norm_statistics import BatchNormStatisticsHook
from geoloc.engine.hooks.before_training import BeforeTrainingHook
from geoloc.engine.hooks.epoch_seed import EpochSeedHook
from geoloc.engine.hooks.finite_loss import FiniteLossHook
from geoloc.engine.hooks.global_mining import GlobalMiningHook
from geoloc.engine.hooks.miner import MinerHook
from geoloc.engine.hooks.neighbour_mining import NeighbourMiningHook
from geoloc.engine.hooks.place_levels import PlaceLevelsHook
from geoloc.engine.hooks.progress import ProgressHook
from geoloc.engine.hooks.safe_checkpoint import SafeCheckpointHook
from geoloc.engine.hooks.semivariogram import SemivariogramHook
from geoloc.engine.hooks.weight_average import EMAHook

__all__ = [
    "BackboneWarmupHook",
    "BatchNormStatisticsHook",
    "BeforeTrainingHook",
    "EMAHook",
    "EpochSeedHook",
    "FiniteLossHook",
    "GlobalMiningHook",
    "MinerHook",
    "NeighbourMiningHook",
    "PlaceLevelsHook",
    "ProgressHook",
    "SafeCheckpointHook",
    "SemivariogramHook",
]
