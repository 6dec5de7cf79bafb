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


def heading_deg(column: Tensor, ground_columns: int, columns: int) -> Tensor:
    """Return where the middle of a ground map looks, clockwise from north, float ``[N, M]``.

    Args:
        column: Satellite column where the ground map begins, of :class:`Azimuth`. The middle of a
            polar-transformed tile is north, its right half east.
        ground_columns: w, columns of the ground map.
        columns: W, columns of the satellite map.
    """
    return (360 * (column + ground_columns / 2) / columns + 180) % 360


@SIMILARITIES.register_module()
class AzimuthSimilarity(nn.Module):
    """The similarity of :func:`azimuth_similarity` between descriptors that are flattened maps.

    Query and gallery may change places. Where a ground map shows a part of the circle only, zeros
    stand in its other columns, as :class:`AzimuthMap` writes them; by them it is told from the
    satellite map, which has none.

    Args:
        map_size: Channels, rows and columns of the map that a descriptor was.
        ground_columns: Columns of a ground map that are not zeros; None for all, a whole circle.

    Raises:
        ConfigError: If the size is not three positive numbers, or has no such columns.
    """

    is_pairwise = True  # see Similarity

    def __init__(self, map_size: Sequence[int], ground_columns: int | None = None) -> None:
        super().__init__()
        if len(map_size) != 3 or min(map_size) < 1:
            raise ConfigError(
                f"AzimuthSimilarity: map_size={tuple(map_size)} must be the channels, rows and "
                "columns of the map."
            )
        if ground_columns is not None and not 1 <= ground_columns <= map_size[2]:
            raise ConfigError(
                f"AzimuthSimilarity: ground_columns={ground_columns} must be 1 .. {map_size[2]}, "
                "as map_size has columns."
            )
        self.map_size = tuple(map_size)
        self.ground_columns = self.map_size[2] if ground_columns is None else ground_columns

    def forward(self, query: Tensor, gallery: Tensor) -> Tensor:
        """Return the similarities ``[N, M]`` of ``query [N, D]`` and ``gallery [M, D]``.

        Raises:
            ValueError: If D is not the size of the map, or no side is of ground maps.
        """
        return self.azimuth(query, gallery).similarity

    def azimuth(self, query: Tensor, gallery: Tensor) -> Azimuth:
        """Return the similarities and the rotations; arguments and errors as for ``forward``.

        Of two whole circles the query is taken for the ground.
        """
        channels, rows, columns = self.map_size
        if query.shape[1] != channels * rows * columns:
            raise ValueError(
                f"AzimuthSimilarity: map_size={self.map_size} has {channels * rows * columns} "
                f"values, but descriptors have {query.shape[1]}; set it to the size of the map."
            )
        one, other = (values.reshape(-1, *self.map_size) for values in (query, gallery))
        if self._is_ground(one):
            return azimuth_similarity(one[..., : self.ground_columns], other)
        if not self._is_ground(other):
            raise ValueError(
                f"AzimuthSimilarity: neither query nor gallery is zero from column "
                f"{self.ground_columns} on; set circle={columns} in the AzimuthMap of the ground."
            )
        found = azimuth_similarity(other[..., : self.ground_columns], one)
        return Azimuth(found.similarity.T, found.column.T)

    def _is_ground(self, maps: Tensor) -> bool:
        """Return whether the columns that the ground does not show are empty, in the first map."""
        return not bool(maps[:1, :, :, self.ground_columns :].any())

    def extra_repr(self) -> str:
        """Show the sizes in ``repr(module)``."""
        return f"map_size={self.map_size}, ground_columns={self.ground_columns}"


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
