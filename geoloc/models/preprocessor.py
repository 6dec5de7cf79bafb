"""Move a batch to the device and normalise its images."""

from collections.abc import Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor

from geoloc.registry import MODELS

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@MODELS.register_module()
class ViewPreprocessor(BaseDataPreprocessor):
    """Normalise the uint8 RGB images of every view with one mean and standard deviation.

    Args:
        mean: Per channel, in grey values 0-255. Defaults to ImageNet's.
        std: Per channel, in grey values 0-255. Defaults to ImageNet's.
    """

    def __init__(
        self, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
    ) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch on the device, with ``inputs`` as float32 ``{view: [n, 3, H, W]}``."""
        batch: dict[str, Any] = self.cast_data(data)
        batch["inputs"] = {
            view: (images.float() - self.mean) / self.std
            for view, images in batch["inputs"].items()
        }
        return batch
