"""What geoloc adds to mmengine's Runner; importing it registers the parts.

Only the registries of these parts do so, when a run asks for one: whoever describes images with a
trained model imports none of them.
"""

from geoloc.engine import hooks
from geoloc.engine.checkpoint import PlainCheckpointHook
from geoloc.engine.epoch_loop import EpochLoop
from geoloc.engine.optim import PartwiseCosineLR, PartwiseOptimWrapperConstructor
from geoloc.engine.precision import BFloat16OptimWrapper
from geoloc.engine.pretrained import PretrainedInit
from geoloc.engine.runner import QuietRunner
from geoloc.engine.sharded import FlexibleRunner, FSDPStrategy
from geoloc.engine.sharpness import SharpnessAwareOptimWrapper

__all__ = [
    "BFloat16OptimWrapper",
    "EpochLoop",
    "FSDPStrategy",
    "FlexibleRunner",
    "PartwiseCosineLR",
    "PartwiseOptimWrapperConstructor",
    "PlainCheckpointHook",
    "PretrainedInit",
    "QuietRunner",
    "SharpnessAwareOptimWrapper",
    "hooks",
]
