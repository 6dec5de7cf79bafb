"""GPS galleries by config: of a file, of a dataset, or of the whole Earth."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geoloc.datasets.image_dataset import build_source
from geoloc.datasets.source import Source
from geoloc.datasets.table import fail, read_table
from geoloc.errors import ConfigError, DatasetError
from geoloc.geo.coordinates import coordinate_fault
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
