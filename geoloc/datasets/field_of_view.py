"""Panoramas of which a camera sees a part only, and which face any direction."""

from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform
from numpy.typing import NDArray

from geoloc.errors import ConfigError
from geoloc.registry import TRANSFORMS

CIRCLE_DEG = 360.0


def seen_columns(width: int, degrees: float) -> int:
    """Return the columns that a field of view takes of a panorama, rounded down, at least 1."""
    return max(1, int(width * degrees / CIRCLE_DEG))


def field_of_view(panorama: NDArray[Any], start: int, columns: int) -> NDArray[Any]:
    """Return the columns from ``start`` on of ``[H, W, C]``, whose right edge meets the left.

    Args:
        panorama: All the 360 degrees.
        start: The first column.
        columns: Their number, at most W.
    """
    chosen = (start + np.arange(columns)) % panorama.shape[1]
    return panorama[:, chosen]


@TRANSFORMS.register_module()
class FieldOfView(BaseTransform):
    """Cut a panorama to a field of view that faces a random direction.

    Known (Shi et al., DSM, CVPR 2020): fields of 360, 180, 90 and 70 degrees, each facing anywhere,
    and how the columns are rounded. The direction comes from numpy's global stream: in training
    another one every time, in the evaluation one that belongs to the image.

    Args:
        degrees: The field of view; 360 only turns the panorama.

    Raises:
        ConfigError: If it is not in 0 .. 360.
    """

    def __init__(self, degrees: float) -> None:
        if not 0 < degrees <= CIRCLE_DEG:
            raise ConfigError(f"FieldOfView: degrees={degrees} must be above 0 and at most 360")
        self.degrees = degrees

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Cut the image of one sample; ``first_column`` tells where."""
        panorama = results["img"]
        start = int(np.random.randint(panorama.shape[1]))  # noqa: NPY002
        seen = field_of_view(panorama, start, seen_columns(panorama.shape[1], self.degrees))
        return {**results, "img": seen, "img_shape": seen.shape[:2], "first_column": start}

    def __repr__(self) -> str:
        return f"{type(self).__name__}(degrees={self.degrees})"
