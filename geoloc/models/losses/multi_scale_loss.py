"""A binary pair loss summed over the scales of the levels."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.models.losses.pair_loss import PairLoss
from geoloc.registry import LOSSES


@LOSSES.register_module()
class MultiScaleLoss(PairLoss):
    r"""Sum of a binary pair loss over scales: Sum-Triplet and its kin (arXiv 2506.23077, V-B).

    .. math::
        \ell = \sum_{r \in \text{levels}} \ell_{\text{binary}}(\text{positives} \ge r,\
               \text{negatives} < r)

    All scales share one matrix of similarities.

    Args:
        loss: Config of the pair loss, for example ``dict(type="TripletLoss", margin=0.1)``.
        levels: The scales, each the lowest level of its positives.

    Raises:
        ConfigError: If ``levels`` is empty or holds a level below 1, or ``loss`` is no pair loss
            with a ``positive_level``, or sets it.
    """

    def __init__(self, loss: Mapping[str, Any], levels: Sequence[int] = (3, 2, 1)) -> None:
        if not levels or min(levels) < 1:
            raise ConfigError(f"levels={tuple(levels)} needs one or more levels of at least 1.")
        for key in ("positive_level", "negative_level"):
            if key in loss:
                raise ConfigError(f"remove {key} from loss={dict(loss)}: levels={levels} sets it.")
        binary_loss = LOSSES.build(dict(loss))
        if not isinstance(binary_loss, PairLoss) or not hasattr(binary_loss, "positive_level"):
            raise ConfigError(
                f"loss={dict(loss)} must be a pair loss with a positive_level, such as "
                "TripletLoss: only that can be applied scale by scale."
            )
        super().__init__()
        self.similarity = binary_loss.similarity
        self.binary_loss = binary_loss
        self.averages_rows = binary_loss.averages_rows
        self.levels = tuple(levels)

    def loss(self, similarity: Tensor, levels: Tensor) -> Tensor:
        """Return the sum over the scales for similarities and levels ``[N, M]``."""
        same: Any = self.binary_loss.positive_level
        scales = [torch.where(levels >= scale, same, 0) for scale in self.levels]
        return torch.stack([self.binary_loss.loss(similarity, binary) for binary in scales]).sum()
