"""Small datasets in the exact on-disk layout of DA-Campus."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

CampusWriter = Callable[..., Path]


def place_latlon(place: int) -> tuple[float, float]:
    return 28.2 + place * 1e-3, 112.9 - place * 2e-3


def write_campus(
    root: Path, train: int = 5, test: int = 3, drones: int = 4, size: int = 24, first_test: int = 11
) -> Path:
    """Write places 1..train and first_test.., rows shuffled; returns the root."""
    generator = np.random.default_rng(0)
    ids = {"train": range(1, train + 1), "test": range(first_test, first_test + test)}
    for view, count in (("satellite", 1), ("drone", drones)):
        for split, places in ids.items():
            lines = []
            for place in places:
                lat, lon = place_latlon(place)
                folder = root / view / split / f"{place:04d}"
                folder.mkdir(parents=True)
                for number in range(count):
                    pixels = generator.integers(0, 256, (size, size, 3), dtype=np.uint8)
                    pixels[0, 0] = place  # exact in PNG: a test reads the place off the image
                    Image.fromarray(pixels).save(folder / f"{number}.png")
                    lines.append(f"{split}/{place:04d}/{number}.png {place} {lat!r} {lon!r}")
            generator.shuffle(lines)
            text = "\n".join(["path class_id latitude longitude", *lines]) + "\n"
            (root / view / f"{split}.txt").write_text(text)
    return root


@pytest.fixture
def campus(tmp_path: Path) -> Path:
    """Return the root of a campus of 5 train and 3 test places with 4 drone images each."""
    return write_campus(tmp_path / "campus")


@pytest.fixture
def official_text() -> Callable[[Path], Path]:
    """Return a writer of the text files (and empty images) with the published counts."""

    def write(root: Path) -> Path:
        ids = {"train": range(1, 451), "test": range(451, 751)}
        for view, count in (("satellite", 1), ("drone", 60)):
            for split, places in ids.items():
                (root / view / split).mkdir(parents=True)
                lines = ["path class_id latitude longitude"]
                for place in places:
                    lat, lon = place_latlon(place)
                    names = [f"{split}/{place}_{number}.jpg" for number in range(count)]
                    lines += [f"{name} {place} {lat!r} {lon!r}" for name in names]
                    for name in names:
                        (root / view / name).touch()
                (root / view / f"{split}.txt").write_text("\n".join(lines) + "\n")
        return root

    return write
