"""The location encoder of GeoCLIP: a hierarchy of spatial frequencies."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.geo.equal_earth import equal_earth, unit_sphere
from geoloc.models.location_encoders.fourier_features import RandomFourierFeatures
from geoloc.registry import LOCATION_ENCODERS

PROJECTIONS = {None: (equal_earth, 2), "sphere": (unit_sphere, 3)}


class Capsule(nn.Module):
    """The perceptron over one spatial frequency; its names are those of the official weights."""

    def __init__(
        self, sigma: float, in_dims: int, num_frequencies: int, hidden_dims: int, embed_dims: int
    ) -> None:
        super().__init__()
        widths = (2 * num_frequencies, *[hidden_dims] * 3)
        layers: list[nn.Module] = [RandomFourierFeatures(sigma, in_dims, num_frequencies)]
        for width, next_width in pairwise(widths):
            layers += [nn.Linear(width, next_width), nn.ReLU()]
        self.capsule = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(hidden_dims, embed_dims))

    def forward(self, points: Tensor) -> Tensor:
        """Return the embeddings ``[n, D]`` of projected ``points [n, I]``."""
        embedding: Tensor = self.head(self.capsule(points))
        return embedding


@LOCATION_ENCODERS.register_module()
class LocationEncoder(nn.Module):
    """Equal Earth projection, random Fourier features, and the sum of one capsule per frequency.

    (Vivanco Cepeda et al., GeoCLIP, NeurIPS 2023, arXiv 2309.16020; architecture known from the
    official code.) The capsules are ``LocEnc0``, ``LocEnc1`` ... as in the official weights, which
    therefore load as they are. Everything computes in float32 even inside autocast.

    Args:
        sigmas: Standard deviations of the frequencies, one capsule each. A sigma's
            waves are of the order of 180 / sigma degrees long.
        num_frequencies: Random frequencies of each capsule.
        hidden_dims: Width of the three hidden layers.
        embed_dims: D, the length of an embedding.
        wrap: None for the official map, which tears the Earth along the antimeridian and stretches
            the poles; ``'sphere'`` (ours) for points in space, where neighbours stay neighbours.
            Weights of one do not fit the other.

    Attributes:
        embed_dims: As given.

    Raises:
        ConfigError: If ``wrap`` is unknown, or there is no sigma or one that is not positive.
    """

    def __init__(
        self,
        sigmas: Sequence[float] = (1.0, 16.0, 256.0),
        num_frequencies: int = 256,
        hidden_dims: int = 1024,
        embed_dims: int = 512,
        wrap: Literal["sphere"] | None = None,
    ) -> None:
        super().__init__()
        if wrap not in PROJECTIONS:
            raise ConfigError(f"wrap={wrap!r} must be 'sphere' or None")
        if not sigmas or min(sigmas) <= 0:
            raise ConfigError(f"sigmas={list(sigmas)} must be one or more positive numbers")
        self.project, in_dims = PROJECTIONS[wrap]
        self.embed_dims = embed_dims
        for number, sigma in enumerate(sigmas):
            capsule = Capsule(sigma, in_dims, num_frequencies, hidden_dims, embed_dims)
            self.add_module(f"LocEnc{number}", capsule)

    def forward(self, latlon: Tensor) -> Tensor:
        """Return embeddings ``[n, D]``, not normalised, in the dtype of the weights.

        Args:
            latlon: (lat, lon) ``[n, 2]`` in degrees; float64 keeps them exact to the projection.
        """
        with torch.autocast(latlon.device.type, enabled=False):
            points = self.project(latlon)
            return torch.stack([capsule(points) for capsule in self.children()]).sum(dim=0)
