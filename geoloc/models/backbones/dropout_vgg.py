"""VGG with dropout behind its deep convolutions."""

from collections.abc import Sequence
from typing import Any

import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmpretrain.models.backbones import VGG
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.wrapped_columns import wrap_columns_of
from geoloc.registry import BACKBONES


@BACKBONES.register_module()
class DropoutVGG(VGG):
    """mmpretrain's VGG with dropout behind every convolution of some stages, as SAFA has it.

    The parameters have mmpretrain's names, so that its weights load.

    Args:
        dropout: Share of the values that are set to 0 in training.
        dropout_stages: Stages with dropout, counted from 1.
        wrap_columns: Convolve as if the right edge of the image met the left, as DSM does on
            polar-transformed tiles (known from its code).
        **options: Options of ``mmpretrain.VGG``.

    Raises:
        ConfigError: If the share is no share or a stage does not exist.
    """

    def __init__(
        self,
        dropout: float = 0.2,
        dropout_stages: Sequence[int] = (4, 5),
        wrap_columns: bool = False,
        **options: Any,
    ) -> None:
        super().__init__(**options)
        if not 0 <= dropout < 1:
            raise ConfigError(f"DropoutVGG: dropout={dropout} must be in 0 .. 1, 1 excluded")
        if unknown := set(dropout_stages) - set(range(1, len(self.stage_blocks) + 1)):
            raise ConfigError(
                f"DropoutVGG: dropout_stages={sorted(unknown)} are not among the stages "
                f"1 .. {len(self.stage_blocks)}"
            )
        self.dropout = dropout
        self.dropout_stages = frozenset(dropout_stages)
        if wrap_columns:
            for layer in self.features:
                if isinstance(layer, ConvModule):
                    wrap_columns_of(layer.conv)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """Return the feature maps of ``out_indices``, each ``[N, C, H, W]``."""
        outputs = []
        for stage, (first, last) in enumerate(self.range_sub_modules):
            for layer in self.features[first:last]:
                x = layer(x)
                if stage + 1 in self.dropout_stages and isinstance(layer, ConvModule):
                    x = F.dropout(x, self.dropout, self.training)
            if stage in self.out_indices:
                outputs.append(x)
        return tuple(outputs)
