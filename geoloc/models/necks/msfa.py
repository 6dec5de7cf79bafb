"""MSFA: local embeddings of a feature map at several scales, fused into one short descriptor."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.models.necks.spatial_embedding import PositionMaps, embed_positions
from geoloc.registry import NECKS

SHORTEST = 1e-12


class Concatenate(nn.Module):
    """Put the E embeddings ``[N, E, C]`` one after the other, ``[N, E * C]``."""

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the concatenation."""
        return embeddings.flatten(1)


class Sum(nn.Module):
    """Add the E embeddings ``[N, E, C]``, ``[N, C]``."""

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the sum."""
        return embeddings.sum(dim=1)


class AttentionSum(nn.Module):
    """Add the embeddings, weighted per channel by a softmax over them.

    The weights come from the sum through a narrow layer (Li et al., Selective Kernel Networks,
    CVPR 2019).

    Args:
        channels: C.
        embeddings: E.
        reduction: C over the width of the narrow layer, which is 32 at least.
    """

    def __init__(self, channels: int, embeddings: int, reduction: int = 16) -> None:
        super().__init__()
        width = max(channels // reduction, 32)
        self.squeeze = nn.Sequential(
            nn.Linear(channels, width, bias=False), nn.BatchNorm1d(width), nn.ReLU()
        )
        self.excite = nn.Linear(width, embeddings * channels)

    def forward(self, embeddings: Tensor) -> Tensor:
        """Return the weighted sum ``[N, C]`` of ``[N, E, C]``."""
        scores: Tensor = self.excite(self.squeeze(embeddings.sum(dim=1)))
        return (scores.view_as(embeddings).softmax(dim=1) * embeddings).sum(dim=1)


FUSIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "none": lambda channels, embeddings: Sum(),  # of the only one
    "concatenate": lambda channels, embeddings: Concatenate(),
    "summation": lambda channels, embeddings: Sum(),
    "attention_summation": AttentionSum,
}


@NECKS.register_module()
class MSFA(nn.Module):
    r"""Multi-scale feature aggregation of the DOCB paper (ISPRS Int. J. Geo-Inf. 14(11):418).

    The paper's code is not public. *Known* from its tables: parallel branches of several scales,
    local spatial embeddings that are fused, four kinds of fusion, 512 dimensions, and the cost of
    the whole network (38.90 M parameters, 40.68 GFLOPs for a pair). *Inferred*, and chosen so that
    two unshared VGG16 streams at 128 x 512 have exactly that many parameters: every branch is a
    3 x 3 convolution of some dilation with ReLU, followed by two maps of positions as in SAFA
    (:class:`PositionMaps`), whose embeddings are normalised before they are fused.

    Branches need convolutions of their own and normalised embeddings: sums of linear embeddings of
    one feature map would be one embedding.

    Args:
        in_channels: C, the channels of the backbone's map and of the embeddings.
        positions: Rows times columns of the map.
        dilations: Of the convolutions; all 1 is one scale.
        parallel: Every convolution is a branch of its own; False chains them into a single one.
        maps_per_branch: Embeddings of every branch.
        fusion: ``none`` (of a single embedding), ``concatenate``, ``summation`` or
            ``attention_summation``.
        normalize: Whether the embeddings are normalised before they are fused.

    Raises:
        ConfigError: If an argument is out of range.
    """

    def __init__(
        self,
        in_channels: int = 512,
        positions: int = 64,
        dilations: Sequence[int] = (1, 2),
        parallel: bool = True,
        maps_per_branch: int = 2,
        fusion: str = "summation",
        normalize: bool = True,
    ) -> None:
        super().__init__()
        if not dilations or min(dilations) < 1 or maps_per_branch < 1:
            raise ConfigError(
                f"MSFA: dilations={tuple(dilations)} must be numbers from 1 up and "
                f"maps_per_branch={maps_per_branch} at least 1."
            )
        chains = [[dilation] for dilation in dilations] if parallel else [list(dilations)]
        embeddings = len(chains) * maps_per_branch
        if fusion not in FUSIONS:
            raise ConfigError(f"MSFA: fusion={fusion!r} must be one of {', '.join(FUSIONS)}.")
        if fusion == "none" and embeddings > 1:
            raise ConfigError(
                f"MSFA: fusion='none' leaves {embeddings} embeddings; use one branch with "
                "maps_per_branch=1, or another fusion."
            )
        self.in_channels = in_channels
        self.branches = nn.ModuleList(_branch(in_channels, chain) for chain in chains)
        self.maps = nn.ModuleList(PositionMaps(positions, maps_per_branch) for _ in chains)
        self.fuse = FUSIONS[fusion](in_channels, embeddings)
        self.normalize = normalize

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[N, C]``, or ``[N, E * C]`` concatenated, at least float32, of ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("MSFA", features, self.in_channels)
        with full_precision(*(branch(features) for branch in self.branches)) as scales:
            embeddings = torch.cat(
                [
                    embed_positions(scale, maps)
                    for scale, maps in zip(scales, self.maps, strict=True)
                ],
                dim=1,
            )
            if self.normalize:
                embeddings = F.normalize(embeddings, dim=2, eps=SHORTEST)
            fused: Tensor = self.fuse(embeddings)
            return fused


def _branch(channels: int, dilations: Sequence[int]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for dilation in dilations:
        convolution = nn.Conv2d(channels, channels, 3, padding=dilation, dilation=dilation)
        nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
        nn.init.zeros_(convolution.bias)  # type: ignore[arg-type]
        layers += [convolution, nn.ReLU()]
    return nn.Sequential(*layers)
