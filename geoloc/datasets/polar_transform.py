"""Polar transform: a satellite tile as the panorama that stands in its centre would see it."""

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from geoloc.errors import ConfigError, ImageError
from geoloc.registry import TRANSFORMS


class PolarGrid(NamedTuple):
    """Where every pixel of the panorama comes from.

    Attributes:
        row: Row in the tile, float64 ``[h, w]``.
        column: Column in the tile, likewise.
    """

    row: NDArray[np.float64]
    column: NDArray[np.float64]


def polar_grid(side: int, height: int, width: int) -> PolarGrid:
    r"""Return the coordinates of the polar transform of SAFA (Shi et al., NeurIPS 2019).

    .. math::
        \rho = \frac{S}{2} \frac{h - 1 - i}{h}, \quad \varphi = \frac{2 \pi j}{w}, \quad
        row = \frac{S}{2} + \rho \cos \varphi, \quad column = \frac{S}{2} - \rho \sin \varphi

    The bottom row is the centre of the tile. The middle column looks up, which is north in a tile,
    and the right half east, as in a panorama with north in its centre.

    Args:
        side: S, rows and columns of the tile.
        height: h, rows of the panorama.
        width: w, its columns.
    """
    radius = side / 2 * (height - 1 - np.arange(height, dtype=np.float64)[:, None]) / height
    angle = 2 * np.pi * np.arange(width, dtype=np.float64)[None] / width
    return PolarGrid(side / 2 + radius * np.cos(angle), side / 2 - radius * np.sin(angle))


def polar_transform(tile: NDArray[Any], height: int, width: int) -> NDArray[np.float64]:
    """Sample a tile bilinearly along :func:`polar_grid`; what lies outside the tile is 0.

    Args:
        tile: ``[S, S, C]`` of any real type.
        height: Rows of the result.
        width: Columns of the result.

    Returns:
        float64 ``[height, width, C]``, not rounded.

    Raises:
        ImageError: If the tile is not square.
    """
    side = len(tile)
    if tile.ndim != 3 or tile.shape[1] != side:
        raise ImageError(
            f"the polar transform needs a square satellite tile [S, S, C], got {list(tile.shape)}"
        )
    corners = _corners(side, height, width)
    padded = np.zeros((side + 2, side + 2, tile.shape[2]))  # a border of what lies outside
    padded[1:-1, 1:-1] = tile
    flat = padded.reshape(-1, tile.shape[2])
    sampled = np.zeros((height, width, tile.shape[2]))
    for position, weight in corners:
        sampled += weight[..., None] * flat[position]
    return sampled


@lru_cache(maxsize=4)
def _corners(
    side: int, height: int, width: int
) -> list[tuple[NDArray[np.int64], NDArray[np.float64]]]:
    """Return for each of the four corners its position in the padded tile and its weight."""
    row, column = polar_grid(side, height, width)
    top, left = np.floor(row), np.floor(column)
    corners = []
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        share = (row - top if down else 1 - (row - top)) * (
            column - left if right else 1 - (column - left)
        )
        at_row = np.clip(top + down + 1, 0, side + 1).astype(np.int64)
        at_column = np.clip(left + right + 1, 0, side + 1).astype(np.int64)
        corners.append((at_row * (side + 2) + at_column, share))
    return corners


@TRANSFORMS.register_module()
class PolarTransform(BaseTransform):
    """Turn a square satellite ``img`` into a panorama, rounded to its type.

    The official files were written by a function that stretches the contrast of every image to
    0 .. 255. Models that were trained on them need these files; see the datasets' ``polar``.

    Args:
        scale: Height and width of the panorama in pixels.

    Raises:
        ConfigError: If a side is not positive.
        ImageError: If an image is not square.
    """

    def __init__(self, scale: tuple[int, int]) -> None:
        if len(scale) != 2 or min(scale) < 1:
            raise ConfigError(f"PolarTransform: scale={scale} must be (height, width) in pixels")
        self.scale = tuple(scale)

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Transform the image of one sample."""
        image = results["img"]
        polar = np.rint(polar_transform(image, *self.scale)).clip(0, 255).astype(image.dtype)
        return {**results, "img": polar, "img_shape": polar.shape[:2]}
