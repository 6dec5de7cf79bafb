"""Dynamic similarity matching: compare two maps at the rotation at which they agree best (DSM)."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.registry import SIMILARITIES

SHORTEST = 1e-12


class Azimuth(NamedTuple):
    """What the comparison of ground and satellite maps gives.

    Attributes:
        similarity: Cosine at the best rotation, ``[N, M]``.
        column: That rotation, the satellite column where the ground map begins, int64 ``[N, M]``.
    """

    similarity: Tensor
    column: Tensor


def azimuth_similarity(ground: Tensor, satellite: Tensor) -> Azimuth:
    r"""Align every ground map with every satellite map along the azimuth and compare them.

    With the satellite map wrapped around, the correlation at column o is

    .. math:: \sum_{c, h, w} G_{c,h,w}\, S_{c,h,(o + w) \bmod W}

    It is computed for all columns at once by Fourier transforms. The similarity is the correlation
    at its highest column over the lengths of the ground map and of the part of the satellite map
    that it covers there (Shi et al., Where am I looking at?, CVPR 2020). Gradients flow through
    the similarity, not through the choice of the column.

    Args:
        ground: ``[N, C, H, w]``, of a panorama or of a part of one; w at most W.
        satellite: ``[M, C, H, W]``, of polar-transformed tiles.

    Raises:
        ValueError: If the shapes do not fit together.
    """
    _check(ground, satellite)
    width, full = ground.shape[3], satellite.shape[3]
    spectrum = torch.einsum(
        "nchf,mchf->nmf",
        torch.fft.rfft(ground, n=full).conj(),
        torch.fft.rfft(satellite),
    )
    correlation = torch.fft.irfft(spectrum, n=full)
    column = correlation.detach().argmax(dim=2)
    best = correlation.gather(2, column[..., None]).squeeze(2)
    energy = satellite.square().sum(dim=(1, 2))  # of every column, [M, W]
    wrapped = torch.cat([energy, energy[:, : width - 1]], dim=1)
    covered = wrapped.unfold(1, width, 1).sum(dim=2)  # by the columns from each one on, [M, W]
    length = covered.expand(len(ground), -1, -1).gather(2, column[..., None]).squeeze(2).sqrt()
    own = ground.flatten(1).norm(dim=1)[:, None]
    return Azimuth(best / (length * own).clamp_min(SHORTEST), column)


@SIMILARITIES.register_module()
class AzimuthSimilarity(nn.Module):
    """The similarity of :func:`azimuth_similarity` between descriptors that are flattened maps.

    Both maps span the whole circle, so that query and gallery may change places. A panorama of a
    part of it would need descriptors of another width.

    Args:
        map_size: Channels, rows and columns of the map that a descriptor was.

    Raises:
        ConfigError: If it is not three positive numbers.
    """

    def __init__(self, map_size: Sequence[int]) -> None:
        super().__init__()
        if len(map_size) != 3 or min(map_size) < 1:
            raise ConfigError(
                f"AzimuthSimilarity: map_size={tuple(map_size)} must be the channels, rows and "
                "columns of the map."
            )
        self.map_size = tuple(map_size)

    def forward(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the similarities ``[N, M]`` of ``query [N, D]`` and ``gallery [M, D]``.

        Raises:
            ValueError: If D is not the size of the map.
        """
        channels, rows, columns = self.map_size
        if query.shape[1] != channels * rows * columns:
            raise ValueError(
                f"AzimuthSimilarity: map_size={self.map_size} has {channels * rows * columns} "
                f"values, but descriptors have {query.shape[1]}; set it to the size of the map."
            )
        maps = (descriptors.reshape(-1, *self.map_size) for descriptors in (query, gallery))
        return azimuth_similarity(*maps).similarity

    def extra_repr(self) -> str:
        """Show the size in ``repr(module)``."""
        return f"map_size={self.map_size}"


def _check(ground: Tensor, satellite: Tensor) -> None:
    fits = (
        ground.ndim == satellite.ndim == 4
        and ground.shape[1:3] == satellite.shape[1:3]
        and 0 < ground.shape[3] <= satellite.shape[3]
    )
    if not fits:
        raise ValueError(
            "dynamic similarity needs maps [N, C, H, w] and [M, C, H, W] with w <= W, got "
            f"{list(ground.shape)} and {list(satellite.shape)}."
        )
