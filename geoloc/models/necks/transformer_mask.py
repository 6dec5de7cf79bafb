"""Maps of importance from light transformers, by which the cells of a CNN's map are summed."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones.vision_transformer import TransformerEncoderLayer
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.models.losses.precision import full_precision
from geoloc.models.necks.feature_map import check_feature_map
from geoloc.registry import NECKS

POSITION_STD = 0.02


class ImportanceBranch(nn.Module):
    """A transformer over windows of a map that says how much every cell counts.

    Args:
        channels: C of the map.
        map_size: Its rows and columns.
        window: Side of the square windows, whose mean is a token and whose cells share their
            importance.
        embed_dims: Length of a token.
        depth: Layers of the transformer.
        num_heads: Heads of its attention.
        num_maps: D, maps of importance.
    """

    def __init__(
        self,
        channels: int,
        map_size: tuple[int, int],
        window: int,
        embed_dims: int,
        depth: int,
        num_heads: int,
        num_maps: int,
    ) -> None:
        super().__init__()
        self.map_size = map_size
        self.window = window
        tokens = (map_size[0] // window) * (map_size[1] // window)
        self.embed = nn.Linear(channels, embed_dims)
        self.positions = nn.Parameter(torch.empty(1, tokens, embed_dims).normal_(std=POSITION_STD))
        self.layers = nn.Sequential(
            *(TransformerEncoderLayer(embed_dims, num_heads, 2 * embed_dims) for _ in range(depth))
        )
        self.norm = nn.LayerNorm(embed_dims)
        self.importance = nn.Linear(embed_dims, num_maps)

    def forward(self, features: Tensor) -> Tensor:
        """Return maps ``[N, D, P]``, each with sum 1, of a map ``[N, C, H, W]`` with P cells."""
        windows = F.avg_pool2d(features, self.window)
        tokens = self.embed(windows.flatten(2).transpose(1, 2)) + self.positions
        scores = self.importance(self.norm(self.layers(tokens)))  # [N, tokens, D]
        scores = scores.transpose(1, 2).unflatten(2, windows.shape[2:])
        cells = F.interpolate(scores, self.map_size, mode="nearest")
        return cells.flatten(2).softmax(dim=2)


@NECKS.register_module()
class TransformerMask(nn.Module):
    r"""Sum the features of a CNN by importances of light transformers (after TransGCNN).

    Of TransGCNN (Wang et al., Transformer-Guided Convolutional Neural Network for Cross-View
    Geolocalization, arXiv 2204.09967) only the abstract was available, and no code is public.
    *Known*: a light transformer head over the map of a CNN generates spatial importances, which
    select the CNN's features; the head has two branches with windows of several scales.
    *Inferred*: everything else, above all that

    .. math::
        x = \bigl(\textstyle\sum_p F_p\, a^{(b)}_{d,p}\bigr)_{b, d}, \qquad
        a^{(b)}_d = \mathrm{softmax}_p\bigl(w_d^\top T_b(\mathrm{pool}_{s_b}(F))_p\bigr)

    with a transformer :math:`T_b` over the means of windows of :math:`s_b \times s_b` cells.

    Args:
        in_channels: C.
        map_size: Rows and columns of the feature map, which every window divides.
        windows: s of every branch.
        maps_per_branch: D.
        embed_dims: Length of a token.
        depth: Layers of a branch.
        num_heads: Heads of their attention.

    Raises:
        ConfigError: If a window does not divide the map, or a number is not positive.
    """

    def __init__(
        self,
        in_channels: int,
        map_size: Sequence[int],
        windows: Sequence[int] = (1, 2),
        maps_per_branch: int = 4,
        embed_dims: int = 256,
        depth: int = 2,
        num_heads: int = 4,
    ) -> None:
        super().__init__()
        rows, columns = map_size
        numbers = (in_channels, *windows, maps_per_branch, embed_dims, depth, num_heads)
        if not windows or min(numbers) < 1 or embed_dims % num_heads:
            raise ConfigError(
                f"TransformerMask: in_channels={in_channels}, windows={tuple(windows)}, "
                f"maps_per_branch={maps_per_branch}, embed_dims={embed_dims}, depth={depth} and "
                f"num_heads={num_heads} must be positive, and num_heads divide embed_dims."
            )
        for window in windows:
            if rows % window or columns % window:
                raise ConfigError(
                    f"TransformerMask: a window of {window} cells must divide the rows and columns "
                    f"of map_size={tuple(map_size)}."
                )
        self.in_channels = in_channels
        self.map_size = (rows, columns)
        self.branches = nn.ModuleList(
            ImportanceBranch(
                in_channels,
                self.map_size,
                window,
                embed_dims,
                depth,
                num_heads,
                maps_per_branch,
            )
            for window in windows
        )

    def forward(self, features: Tensor) -> Tensor:
        """Return ``[N, branches * D * C]``, at least float32, of a map ``[N, C, H, W]``.

        Raises:
            ValueError: If ``features`` has another shape.
        """
        check_feature_map("TransformerMask", features, self.in_channels)
        if features.shape[2:] != self.map_size:
            raise ValueError(
                f"TransformerMask was built for a map of {self.map_size} cells, got "
                f"{tuple(features.shape[2:])}; set map_size to its rows and columns."
            )
        with full_precision(features) as (features,):
            maps = torch.cat([branch(features) for branch in self.branches], dim=1)
            return torch.einsum("ncp,ndp->ndc", features.flatten(2), maps).flatten(1)
