"""Move a batch to the device and normalise its images."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from mmengine.model import BaseDataPreprocessor
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.registry import MODELS

IMAGENET_MEAN = (123.675, 116.28, 103.53)
IMAGENET_STD = (58.395, 57.12, 57.375)


@MODELS.register_module()
class ViewPreprocessor(BaseDataPreprocessor):
    """Normalise the uint8 RGB images of every view with one mean and standard deviation.

    Args:
        mean: Per channel, in grey values 0-255. Defaults to ImageNet's.
        std: Per channel, in grey values 0-255. Defaults to ImageNet's.
        augment: For a view how its images are changed at random in training, after what its
            pipeline did and before they are normalised: a ``MODELS`` entry such as
            ``BatchAugment``, which takes uint8 ``[n, 3, H, W]`` and returns grey values 0-255,
            float32 ``[n, 3, h, w]``. Views that are not named stay as they are loaded.

    Raises:
        ConfigError: If ``augment`` is no config per view.
    """

    def __init__(
        self,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        augment: Mapping[str, dict[str, Any]] | None = None,
    ) -> None:
        super().__init__()
        self.augment = nn.ModuleDict(
            {view: _build_augment(view, config) for view, config in (augment or {}).items()}
        )
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, data: dict[str, Any], training: bool = False) -> dict[str, Any]:
        """Return the batch on the device, with ``inputs`` as float32 ``{view: [n, 3, H, W]}``.

        Args:
            data: Batch whose ``inputs`` are uint8 ``{view: [n, 3, H, W]}``.
            training: Whether to augment.
        """
        batch: dict[str, Any] = self.cast_data(data)
        inputs: dict[str, Tensor] = batch["inputs"]
        if training:
            inputs = {
                view: self.augment[view](images) if view in self.augment else images
                for view, images in inputs.items()
            }
        batch["inputs"] = {
            view: (images.float() - self.mean) / self.std for view, images in inputs.items()
        }
        return batch


def _build_augment(view: str, config: Any) -> nn.Module:
    if not isinstance(config, Mapping):
        raise ConfigError(
            f"model.data_preprocessor.augment.{view}={config!r} must be the config of a view, as "
            "in augment=dict(drone=dict(type='BatchAugment', flip_prob=0.5))"
        )
    module: nn.Module = MODELS.build(dict(config))
    return module
