"""Transforms of a panorama and its tile together, which keep them aligned."""

from abc import ABC, abstractmethod

import numpy as np
import torch
from torch import Tensor

from geoloc.errors import ConfigError
from geoloc.registry import TRANSFORMS

QUARTERS = 4


class PairTransform(ABC):
    """Changes the images of one training pair, after the pipelines of their views.

    It draws from numpy's global stream, which ``PairDataset`` seeds for every item.
    """

    @abstractmethod
    def __call__(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the changed images uint8 ``{view: [3, H, W]}``."""


@TRANSFORMS.register_module()
class PairFlip(PairTransform):
    """Mirror all images of a pair left to right, as Sample4Geo does (known from its code).

    A mirrored tile is the tile of a mirrored world, whose panorama is the mirrored panorama: north
    stays north, east and west change places.

    Args:
        prob: Probability.

    Raises:
        ConfigError: If it is no probability.
    """

    def __init__(self, prob: float = 0.5) -> None:
        self.prob = _probability("PairFlip", prob)

    def __call__(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the images uint8 ``{view: [3, H, W]}``, all mirrored or none."""
        if np.random.random() >= self.prob:  # noqa: NPY002
            return images
        return {view: image.flip(-1) for view, image in images.items()}


@TRANSFORMS.register_module()
class PairRotation(PairTransform):
    """Turn the tile by a multiple of 90 degrees and roll the panorama to match.

    The tile turns r times by 90 degrees counter-clockwise and the panorama of W columns rolls by
    -r W / 4, so that the middle column still looks up in the tile (Deuser et al., Sample4Geo, ICCV
    2023; known from its code). r is 1, 2 or 3.

    Args:
        prob: Probability of a turn.
        tile: View of the tiles, which are square and not polar-transformed.
        panorama: View of the panoramas, which span 360 degrees.

    Raises:
        ConfigError: If ``prob`` is no probability.
    """

    def __init__(
        self, prob: float = 0.75, tile: str = "satellite", panorama: str = "street"
    ) -> None:
        self.prob = _probability("PairRotation", prob)
        self.tile = tile
        self.panorama = panorama

    def __call__(self, images: dict[str, Tensor]) -> dict[str, Tensor]:
        """Return the images uint8 ``{view: [3, H, W]}``, turned together.

        Raises:
            ConfigError: If a view is missing or the tile is not square.
        """
        if missing := {self.tile, self.panorama} - set(images):
            raise ConfigError(
                f"PairRotation needs the view {', '.join(sorted(missing))}, the pair has "
                f"{', '.join(images)}; set its tile and panorama"
            )
        tile, panorama = images[self.tile], images[self.panorama]
        if tile.shape[1] != tile.shape[2]:
            raise ConfigError(
                f"PairRotation needs square tiles, got {list(tile.shape)}; a polar-transformed "
                "tile turns by rolling, not by rotation"
            )
        if np.random.random() >= self.prob:  # noqa: NPY002
            return images
        turns = int(np.random.randint(1, QUARTERS))  # noqa: NPY002
        shift = turns * panorama.shape[2] // QUARTERS
        return {
            **images,
            self.tile: torch.rot90(tile, turns, dims=(1, 2)).contiguous(),
            self.panorama: panorama.roll(-shift, dims=2),
        }


def _probability(name: str, prob: float) -> float:
    if not 0 <= prob <= 1:
        raise ConfigError(f"{name}: prob={prob} must be in 0 .. 1")
    return prob
