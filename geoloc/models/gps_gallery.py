"""GPS galleries: the positions among which GeoCLIP looks for that of a photo."""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike
from torch import Tensor, nn

from geoloc.datasets.image_dataset import build_source
from geoloc.datasets.source import Source
from geoloc.datasets.table import read_table
from geoloc.errors import ConfigError, CoordinateError, DatasetError, IndexFormatError
from geoloc.evaluation.search.result import index_of, order_keys, scores_of
from geoloc.geo import check_latlon
from geoloc.geo.fibonacci_sphere import fibonacci_sphere
from geoloc.models.losses.precision import full_precision
from geoloc.registry import GALLERIES

POSITIONS_PER_CHUNK = 8192  # encoded at once: 100 MB of activations
PAIRS_PER_TILE = 2**22  # logits at once: 16 MB
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


def most_probable(
    images: Tensor, locations: Tensor, scale: float, k: int
) -> tuple[Tensor, Tensor]:
    """Return the first k of a softmax over scaled cosines, without holding all of them.

    Args:
        images: Normalised ``[n, D]``.
        locations: Normalised ``[G, D]``.
        scale: Factor on the cosines.
        k: 1 .. G.

    Returns:
        Indices int64 ``[n, k]``, equal probabilities in the order of the index, and probabilities
        float32 ``[n, k]``.
    """
    with torch.no_grad(), full_precision(images) as (images,):
        best = torch.empty(len(images), 0, dtype=torch.int64, device=images.device)
        total = torch.full((len(images),), -torch.inf, dtype=torch.float64, device=images.device)
        for index in _tiles(len(images), len(locations), images.device):
            logits = scale * (images @ locations[index[0] : index[-1] + 1].T)
            total = torch.logaddexp(total, logits.logsumexp(dim=1).double())
            tile = order_keys(logits, index)
            best = torch.cat([best, _first(tile, k)], dim=1)
            best = _first(best, k)
        return index_of(best), torch.exp(scores_of(best) - total[:, None]).float()


def _first(keys: Tensor, k: int) -> Tensor:
    return keys.topk(min(k, keys.shape[1]), dim=1, largest=False, sorted=True).values


def _tiles(rows: int, columns: int, device: torch.device) -> Iterator[Tensor]:
    return iter(torch.arange(columns, device=device).split(max(1, PAIRS_PER_TILE // max(rows, 1))))


def _version(module: nn.Module) -> Version:
    """Return what changes whenever a weight is moved or written to."""
    tensors = chain(module.parameters(), module.buffers())
    return tuple((tensor.data_ptr(), tensor._version) for tensor in tensors)


@torch.no_grad()
def _encode(encoder: nn.Module, coordinates: Tensor) -> Tensor:
    device = next(encoder.parameters()).device
    chunks = coordinates.split(POSITIONS_PER_CHUNK)
    return torch.cat([F.normalize(encoder(chunk.to(device)), dim=1) for chunk in chunks])


@GALLERIES.register_module()
class CsvGallery(GpsGallery):
    """The positions of a CSV file with the header ``LAT,LON``, as GeoCLIP's 100,000 (known).

    Args:
        path: The file; further columns are ignored.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: If a column is missing or a line is no position, as ``file:line: reason``.
    """

    def __init__(self, path: str | Path) -> None:
        file, rows = Path(path), []
        for line, row in read_table(file, ("LAT", "LON"), delimiter=",", exact=False):
            try:
                rows.append((float(row["LAT"]), float(row["LON"])))
                check_latlon(rows[-1:])
            except (ValueError, CoordinateError) as error:
                reason = str(error).removeprefix("row 0: ")
                raise IndexFormatError(f"{file}:{line}: {reason}") from None
        super().__init__(np.array(rows).reshape(-1, 2), str(path))


@GALLERIES.register_module()
class SourceGallery(GpsGallery):
    """The different positions of a dataset's images, such as those of its training split.

    Args:
        source: A registered source (``OSV5M`` ...) or its config.
        split: Part of the dataset.
        size: Draw so many of them; None takes all.
        seed: Of the draw.

    Raises:
        DatasetError: If the split has no images or no positions.
        ConfigError: If ``size`` is not positive.
    """

    def __init__(
        self,
        source: Source | dict[str, Any],
        split: str = "train",
        size: int | None = None,
        seed: int = 0,
    ) -> None:
        built = build_source(source)
        part = built.index.select(split=split)
        if not len(part) or not part.has_positions:
            raise DatasetError(f"split={split!r} of {built.protocol.dataset} has no positions")
        if size is not None and size < 1:
            raise ConfigError(f"size={size} of SourceGallery must be positive, or None for all")
        latlon = np.unique(part.image_latlon, axis=0)
        if size is not None and size < len(latlon):
            rows = np.random.default_rng(seed).choice(len(latlon), size, replace=False)
            latlon = latlon[np.sort(rows)]
        super().__init__(latlon, f"{built.protocol.dataset}/{split}")


@GALLERIES.register_module()
class FibonacciGallery(GpsGallery):
    """Positions spread evenly over the whole Earth, oceans included.

    Args:
        size: Their number; their distance is about 22600 km / sqrt(size).

    Raises:
        ConfigError: If ``size`` is not positive.
    """

    def __init__(self, size: int = 100_000) -> None:
        super().__init__(fibonacci_sphere(size), f"FibonacciGallery(size={size})")
