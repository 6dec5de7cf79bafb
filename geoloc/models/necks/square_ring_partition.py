"""Partition of a feature map into square rings, the pooling of LPN."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS

ORDERS = ("outward", "inward")
POOLINGS = ("avg", "max", "avg+max")


@NECKS.register_module()
class SquareRingPartition(nn.Module):
    """Pool a feature map over concentric square rings (LPN, Wang et al., TCSVT 2021, Sec. III-B).

    The rings have a width of ``floor(H / 2P)`` rows and ``floor(W / 2P)`` columns; the outermost
    takes what remains. A map with fewer than 2P rows or columns is first enlarged bilinearly along
    that axis. Each part is the mean (or maximum) over the positions of its ring, as the paper says.

    Args:
        num_parts: P.
        order: ``'outward'`` lists the innermost ring first (University-1652), ``'inward'`` the
            outermost (CVUSA and CVACT, to pair with the rows of a panorama from the top down).
        pooling: ``'avg'``, ``'max'``, or ``'avg+max'``, which doubles the channels.
        overlap: Pool each part over its whole square, not only over the ring.
        align_corners: How to enlarge a small map, see ``torch.nn.functional.interpolate``. The
            official code uses true for University-1652.
        official: Pool as the official code does: over the whole square of a ring with zeros in
            place of its core. That shrinks a mean by the share of the ring in the square and keeps
            a maximum from being negative. On a map with an odd side the core of the outermost ring
            is subtracted one position too far down and right, which its maximum shows. Square maps
            only.

    Raises:
        ConfigError: If ``num_parts`` is not positive, or ``order`` or ``pooling`` unknown.
    """

    def __init__(
        self,
        num_parts: int,
        order: str = "outward",
        pooling: str = "avg",
        overlap: bool = False,
        align_corners: bool = False,
        official: bool = False,
    ) -> None:
        super().__init__()
        if num_parts <= 0:
            raise ConfigError(f"num_parts={num_parts} must be positive.")
        if order not in ORDERS:
            raise ConfigError(f"order={order!r} must be one of {', '.join(ORDERS)}.")
        if pooling not in POOLINGS:
            raise ConfigError(f"pooling={pooling!r} must be one of {', '.join(POOLINGS)}.")
        self.num_parts = num_parts
        self.order = order
        self.pooling = pooling
        self.overlap = overlap
        self.align_corners = align_corners
        self.official = official

    def forward(self, features: Tensor) -> Tensor:
        """Return the parts ``[N, C, P]`` (``[N, 2C, P]`` for ``'avg+max'``), same dtype.

        Args:
            features: Feature map ``[N, C, H, W]``.

        Raises:
            ValueError: If the map is not 4-dimensional, or not square with ``official``.
        """
        check_feature_map("SquareRingPartition", features)
        if self.official and features.shape[2] != features.shape[3]:
            raise ValueError(
                "SquareRingPartition(official=True) needs a square feature map, got "
                f"{list(features.shape)}; set official=False."
            )
        features = self._enlarge(features)
        members, squares = self._members(features)
        pooled = []
        if "avg" in self.pooling:
            pooled.append(_mean(features, members, squares if self.official else members))
        if "max" in self.pooling and self.official:
            pooled.append(_official_maximum(features, members, squares))
        elif "max" in self.pooling:
            pooled.append(_maximum(features, members))
        parts = torch.cat(pooled, dim=1)
        return parts.flip(2) if self.order == "inward" else parts

    def _enlarge(self, features: Tensor) -> Tensor:
        size = [
            side if side >= 2 * self.num_parts else side + 2 * (self.num_parts - side // 2)
            for side in features.shape[2:]
        ]
        if size == list(features.shape[2:]):
            return features
        return F.interpolate(features, size, mode="bilinear", align_corners=self.align_corners)

    def _members(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Return which positions belong to each part and to its square, bool ``[P, H, W]``."""
        height, width = features.shape[2:]
        part = torch.arange(self.num_parts, device=features.device)[:, None, None]
        rows, columns = (self._ring(side, features.device) for side in (height, width))
        ring = torch.maximum(rows[:, None], columns)
        squares = ring <= part
        if self.overlap:
            return squares, squares
        return ring == part, squares

    def _ring(self, side: int, device: torch.device) -> Tensor:
        """Return the ring of every row (or column), counted from the centre, ``[side]``."""
        position, centre = torch.arange(side, device=device), side // 2
        steps = torch.maximum(centre - 1 - position, position - centre)
        return (steps // (side // (2 * self.num_parts))).clamp(max=self.num_parts - 1)


def _mean(features: Tensor, members: Tensor, support: Tensor) -> Tensor:
    """Return the sum over ``members [P, H, W]`` divided by the size of ``support``."""
    weights = members / support.sum(dim=(1, 2), keepdim=True)
    return features.flatten(2) @ weights.flatten(1).T.to(features.dtype)


def _maximum(features: Tensor, members: Tensor) -> Tensor:
    lowest = torch.finfo(features.dtype).min
    parts = [features.masked_fill(~member, lowest).amax(dim=(2, 3)) for member in members]
    return torch.stack(parts, dim=2)


def _official_maximum(features: Tensor, members: Tensor, squares: Tensor) -> Tensor:
    parts = []
    for part, (member, square) in enumerate(zip(members, squares, strict=True)):
        shift = features.shape[2] % 2 if part == len(squares) - 1 else 0
        core = (features * (square & ~member)).roll((shift, shift), dims=(2, 3))
        parts.append(_maximum(features - core, square[None]))
    return torch.cat(parts, dim=2)
