"""Bottleneck before a classifier over places, one per part."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.registry import HEADS


@HEADS.register_module()
class BottleneckHead(nn.Module):
    """Linear layer, batch norm, dropout for every part: the head of LPN and of University-1652.

    The embedding goes to :class:`InstanceLoss`. The descriptor joins the parts, each scaled to the
    same length (LPN, Wang et al., TCSVT 2021, Sec. III-C). One part is the baseline of
    University-1652 (Zheng et al., ACM MM 2020).

    Args:
        in_dims: I, the channels of the pooled features.
        embed_dims: D, the length of the embedding of a part; a descriptor has D P numbers.
        num_parts: P, each with weights of its own.
        dropout: Probability of zeroing an entry of the embedding in training.

    Raises:
        ConfigError: If a size is not positive or ``dropout`` is outside ``[0, 1)``.
    """

    def __init__(
        self, in_dims: int, embed_dims: int = 512, num_parts: int = 1, dropout: float = 0.5
    ) -> None:
        super().__init__()
        if min(in_dims, embed_dims, num_parts) <= 0:
            raise ConfigError(
                f"in_dims={in_dims}, embed_dims={embed_dims} and num_parts={num_parts} must be "
                "positive."
            )
        if not 0 <= dropout < 1:
            raise ConfigError(f"dropout={dropout} must be in [0, 1).")
        self.in_shape = (in_dims,) if num_parts == 1 else (in_dims, num_parts)
        self.parts = nn.ModuleList(
            _bottleneck(in_dims, embed_dims, dropout) for _ in range(num_parts)
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return the embedding ``[N, D]``, or ``[N, D, P]`` for several parts.

        Args:
            features: Pooled features ``[N, I]``, or ``[N, I, P]`` for several parts.

        Raises:
            ValueError: If the shape is another.
        """
        if features.shape[1:] != self.in_shape:
            expected = ", ".join(["N", *map(str, self.in_shape)])
            raise ValueError(
                f"BottleneckHead needs pooled features [{expected}], got {list(features.shape)}; "
                "set in_dims and num_parts to those of the neck."
            )
        if len(self.parts) == 1:
            embedding: Tensor = self.parts[0](features)
            return embedding
        pairs = zip(self.parts, features.unbind(dim=2), strict=True)
        return torch.stack([bottleneck(part) for bottleneck, part in pairs], dim=2)

    def descriptor(self, embedding: Tensor) -> Tensor:
        """Return the descriptors ``[N, D P]`` of an embedding, rows of length 1.

        Number ``d P + p`` is entry d of part p. They are float32 even inside autocast (float64
        for a float64 model).

        Args:
            embedding: ``[N, D]`` or ``[N, D, P]``, or a sum of several, such as that of an image
                and its mirror image.
        """
        with full_precision(embedding) as (embedding,):
            unit_parts = F.normalize(embedding, dim=1)
        return unit_parts.flatten(1).div(len(self.parts) ** 0.5)


def _bottleneck(in_dims: int, embed_dims: int, dropout: float) -> nn.Sequential:
    linear, norm = nn.Linear(in_dims, embed_dims), nn.BatchNorm1d(embed_dims)
    nn.init.kaiming_normal_(linear.weight, mode="fan_out")
    nn.init.zeros_(linear.bias)
    nn.init.normal_(norm.weight, 1.0, 0.02)
    return nn.Sequential(linear, norm, nn.Dropout(dropout))
