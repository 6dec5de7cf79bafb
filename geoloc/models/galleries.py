"""GPS galleries by config: of a file, of a dataset, or of the whole Earth."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.feature_file import read_features
from geoloc.datasets.image_dataset import build_source
from geoloc.datasets.source import Source
from geoloc.datasets.table import fail, read_table
from geoloc.errors import ConfigError, DatasetError
from geoloc.geo.coordinates import check_latlon, coordinate_fault
from geoloc.geo.fibonacci_sphere import fibonacci_sphere
from geoloc.models.gps_gallery import GpsGallery
from geoloc.registry import GALLERIES


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
        super().__init__(read_latlon(Path(path)), str(path))


def read_latlon(file: Path) -> NDArray[np.float64]:
    """Return the columns LAT and LON of a CSV file, float64 ``[n, 2]`` in degrees.

    Raises:
        DatasetNotFoundError: If there is no such file.
        IndexFormatError: If a column is missing or a line is no position, as ``file:line: reason``.
    """
    lines, rows = [], []
    for line, row in read_table(file, ("LAT", "LON"), delimiter=",", exact=False):
        try:
            rows.append((float(row["LAT"]), float(row["LON"])))
        except ValueError:
            fail(file, line, f"{row['LAT']!r}, {row['LON']!r} must be numbers of degrees")
        lines.append(line)
    latlon = np.array(rows, dtype=np.float64).reshape(-1, 2)
    if fault := coordinate_fault(latlon):
        fail(file, lines[fault[0]], fault[1])
    return latlon


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
        super().__init__(
            different_positions(part.image_latlon, size, seed), f"{built.protocol.dataset}/{split}"
        )


@GALLERIES.register_module()
class FeatureGallery(GpsGallery):
    """The different positions of a file of features (see ``FeatureDataset``).

    Args:
        path: The file or folder.
        size: Draw so many of them; None takes all.
        seed: Of the draw.

    Raises:
        DatasetNotFoundError: If there is nothing at ``path``.
        DatasetError: If an array is missing or the arrays do not fit together.
        CoordinateError: If a row is not a position on Earth.
        ConfigError: If ``size`` is not positive.
    """

    def __init__(self, path: str | Path, size: int | None = None, seed: int = 0) -> None:
        latlon = check_latlon(read_features(Path(path)).coordinates, str(path))
        super().__init__(different_positions(latlon, size, seed), str(path))


def different_positions(
    latlon: NDArray[np.float64], size: int | None, seed: int
) -> NDArray[np.float64]:
    """Return the different rows of ``latlon [n, 2]``, sorted, or ``size`` of them drawn at random.

    Raises:
        ConfigError: If ``size`` is not positive.
    """
    if size is not None and size < 1:
        raise ConfigError(f"size={size} of a gallery must be positive, or None for all positions")
    rows = np.unique(latlon, axis=0)
    if size is None or size >= len(rows):
        return rows
    drawn: NDArray[np.float64] = np.random.default_rng(seed).choice(
        rows, size, replace=False, shuffle=False
    )
    return drawn


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
