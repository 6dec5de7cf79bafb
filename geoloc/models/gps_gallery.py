"""GPS galleries: the positions among which GeoCLIP looks for that of a photo."""

from itertools import chain
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from geoloc.errors import ConfigError
from geoloc.geo import check_latlon
from geoloc.models.most_probable import most_probable

POSITIONS_PER_CHUNK = 8192  # encoded at once: 100 MB of activations
Version = tuple[tuple[int, int], ...]


class Located(NamedTuple):
    """The most probable positions of some photos.

    Attributes:
        coordinates: (lat, lon) in degrees, most probable first, float64 ``[n, k, 2]``.
        probabilities: Softmax over the whole gallery, float32 ``[n, k]``.
    """

    coordinates: Tensor
    probabilities: Tensor


class GpsGallery:
    """Positions, and their embeddings as long as the location encoder does not change.

    Args:
        coordinates: (lat, lon) ``[G, 2]`` in degrees.
        where: What they are, for messages.

    Attributes:
        coordinates: float64 ``[G, 2]``.

    Raises:
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If there is none.
    """

    def __init__(self, coordinates: ArrayLike, where: str = "coordinates") -> None:
        self.coordinates = torch.from_numpy(np.array(check_latlon(coordinates, where)))
        if not len(self):
            raise ConfigError(f"{where}: a GPS gallery needs at least one position")
        self._encoded: tuple[Version, Tensor] | None = None

    def __len__(self) -> int:
        return len(self.coordinates)

    def embeddings(self, encoder: nn.Module) -> Tensor:
        """Return the normalised embeddings ``[G, D]``; the second call with equal weights is free.

        Args:
            encoder: A ``LOCATION_ENCODERS`` module; the embeddings are on its device.
        """
        version = _version(encoder)
        if self._encoded is None or self._encoded[0] != version:
            self._encoded = None  # so that old and new need not fit into memory together
            self._encoded = version, _encode(encoder, self.coordinates)
        return self._encoded[1]

    def locate(self, images: Tensor, encoder: nn.Module, scale: float, k: int) -> Located:
        """Return the k most probable positions of every image.

        Args:
            images: Normalised image embeddings ``[n, D]``.
            encoder: As in ``embeddings``.
            scale: Factor on the cosines, the inverse temperature.
            k: 1 .. G.

        Raises:
            ConfigError: If the gallery has less than k positions.
        """
        if not 1 <= k <= len(self):
            raise ConfigError(f"top_k={k} must be from 1 to the {len(self)} positions of gallery")
        index, probabilities = most_probable(images, self.embeddings(encoder), scale, k)
        return Located(self.coordinates[index.cpu()], probabilities)


def _version(module: nn.Module) -> Version:
    """Return what changes whenever a weight is moved or written to."""
    tensors = chain(module.parameters(), module.buffers())
    return tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)


@torch.no_grad()
def _encode(encoder: nn.Module, coordinates: Tensor) -> Tensor:
    device = next(encoder.parameters()).device
    chunks: tuple[Tensor, ...] = torch.split(coordinates, POSITIONS_PER_CHUNK)
    return torch.cat([F.normalize(encoder(chunk.to(device)), dim=1) for chunk in chunks])
