"""The backbone of images whose features were extracted beforehand."""

from mmengine.model import BaseModule
from torch import Tensor

from geoloc.registry import BACKBONES


@BACKBONES.register_module()
class CachedFeatures(BaseModule):
    """Return the features that a ``FeatureDataset`` gives instead of images."""

    def forward(self, features: Tensor) -> Tensor:
        """Return ``features [n, D]`` as they are."""
        return features
