"""Move a batch of photos, or of their features, to the device."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor

from geoloc.models.preprocessor import IMAGENET_MEAN, IMAGENET_STD
from geoloc.registry import MODELS

CLIP_MEAN = tuple(255 * value for value in (0.48145466, 0.4578275, 0.40821073))
CLIP_STD = tuple(255 * value for value in (0.26862954, 0.26130258, 0.27577711))


@MODELS.register_module()
class PhotoPreprocessor(BaseDataPreprocessor):
    """Normalise uint8 RGB photos with CLIP's statistics; features become float32 as they are.

    Args:
        mean: Per channel, in grey values 0-255. Defaults to CLIP's, as in the official prediction.
        std: Per channel, in grey values 0-255. Defaults to CLIP's.
        official_imagenet_norm: Take ImageNet's instead, as the transforms of the official training
            code do (known).
    """

    def __init__(
        self,
        mean: Sequence[float] = CLIP_MEAN,
        std: Sequence[float] = CLIP_STD,
        official_imagenet_norm: bool = False,
    ) -> None:
        super().__init__()
        if official_imagenet_norm:
            mean, std = IMAGENET_MEAN, IMAGENET_STD
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch on the device, with float32 ``inputs``: images or ``[n, D]``."""
        batch: dict[str, Any] = self.cast_data(data)
        inputs = batch["inputs"].float()
        batch["inputs"] = (inputs - self.mean) / self.std if inputs.ndim == 4 else inputs
        return batch
