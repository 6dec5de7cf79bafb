"""ResNet with parameter-light saliency units between its stages."""

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones import ResNet
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.registry import BACKBONES


class USAM(nn.Module):
    r"""Unit subtraction attention: emphasise what differs from its surroundings.

    With the sum s of the channels at a position, the attention is
    :math:`a = \max(0, \mathrm{BN}(\sum_{q \in 3 \times 3} (s - s_q)))` and the output
    :math:`x + a x` (Lin et al., RK-Net, IEEE TIP 2022). Outside the map s counts as 0, so that
    the border always stands out; ``polish`` ignores it.

    Args:
        polish: Set the attention of the outermost cells to 0.
    """

    def __init__(self, polish: bool = True) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(1)
        self.polish = polish

    def forward(self, features: Tensor) -> Tensor:
        """Return the emphasised feature map ``[N, C, H, W]``."""
        total = features.sum(dim=1, keepdim=True)
        difference = 9 * (total - F.avg_pool2d(total, 3, stride=1, padding=1))
        attention = torch.relu(self.norm(difference))
        if self.polish:
            attention = F.pad(attention[..., 1:-1, 1:-1], (1, 1, 1, 1))
        return features + attention * features


@BACKBONES.register_module()
class USAMResNet(ResNet):
    """mmpretrain's ResNet with a :class:`USAM` behind some of its stages.

    The units' batch norms always learn their statistics, also with ``norm_eval=True``, because no
    pretrained weights hold them.

    Args:
        depth: Depth of the ResNet.
        usam_stages: Stages with a unit behind them, counted from 1.
        polish: See :class:`USAM`.
        **options: Options of ``mmpretrain.ResNet``.

    Raises:
        ConfigError: If a stage does not exist.
    """

    def __init__(
        self,
        depth: int,
        usam_stages: Sequence[int] = (1, 2),
        polish: bool = True,
        **options: Any,
    ) -> None:
        super().__init__(depth, **options)
        for stage in usam_stages:
            if not 1 <= stage <= len(self.res_layers):
                raise ConfigError(
                    f"usam_stages={tuple(usam_stages)}: stage {stage} is not among "
                    f"1 ... {len(self.res_layers)}"
                )
            getattr(self, self.res_layers[stage - 1]).append(USAM(polish))

    def train(self, mode: bool = True) -> "USAMResNet":
        """Switch between training and evaluation."""
        super().train(mode)
        for module in self.modules():
            if isinstance(module, USAM):
                module.train(mode)
        return self
