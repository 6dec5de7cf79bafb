import errno
import os
import warnings
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from geoloc.datasets import LoadImage
from geoloc.datasets.pixel_cache import PixelCache
from geoloc.errors import ImageError


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    file = tmp_path / "a.jpg"
    write(file, seed=0)
    return file


def write(file: Path, seed: int) -> None:
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 10, 3), np.uint8)
    Image.fromarray(pixels.repeat(8, 0).repeat(8, 1)).save(file, quality=90)
    file.write_bytes(file.read_bytes().ljust(20_000, b"\0"))  # one size for all


def load(file: Path, cache: Path | None, shortest_side: int | None = None) -> np.ndarray:
    transform = LoadImage(shortest_side, cache=None if cache is None else str(cache))
    return transform({"img_path": str(file)})["img"]


def test_an_image_is_decoded_once(photo: Path, tmp_path: Path) -> None:
    first = load(photo, tmp_path / "cache")
    np.testing.assert_array_equal(first, load(photo, None))
    state = photo.stat()
    photo.write_bytes(bytes(state.st_size))  # no image any more, but who would know
    os.utime(photo, ns=(state.st_atime_ns, state.st_mtime_ns))
    np.testing.assert_array_equal(load(photo, tmp_path / "cache"), first)
    assert len([*(tmp_path / "cache").rglob("*.*")]) == 1
    photo.unlink()
    with pytest.raises(ImageError, match="does not exist"):
        load(photo, tmp_path / "cache")


def test_a_changed_image_is_decoded_again(photo: Path, tmp_path: Path) -> None:
    first = load(photo, tmp_path / "cache")
    write(photo, seed=1)
    os.utime(photo, (1, 1))
    second = load(photo, tmp_path / "cache")
    assert (second != first).any()
    np.testing.assert_array_equal(second, load(photo, None))


def test_reduced_images_are_kept_apart(photo: Path, tmp_path: Path) -> None:
    assert load(photo, tmp_path / "cache").shape == (64, 80, 3)
    assert load(photo, tmp_path / "cache", shortest_side=16).shape == (16, 20, 3)
    assert load(photo, tmp_path / "cache").shape == (64, 80, 3)


@pytest.mark.parametrize("keep", [0, 60, 500])
def test_a_damaged_entry_is_made_again(photo: Path, tmp_path: Path, keep: int) -> None:
    first = load(photo, tmp_path / "cache")
    (entry,) = (tmp_path / "cache").rglob("*.npy")
    whole = entry.read_bytes()
    entry.write_bytes(whole[:keep])
    np.testing.assert_array_equal(load(photo, tmp_path / "cache"), first)
    assert entry.read_bytes() == whole


def test_processes_share_a_cache(photo: Path, tmp_path: Path) -> None:
    with Pool(2) as pool:
        loaded = pool.starmap(load, [(photo, tmp_path / "cache")] * 40)
    for pixels in loaded:
        np.testing.assert_array_equal(pixels, load(photo, None))
    assert len([*(tmp_path / "cache").rglob("*.*")]) == 1


def test_processes_of_one_number_share_a_cache(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, pixels, save = PixelCache(tmp_path / "cache", ""), np.zeros((8, 8, 3), np.uint8), np.save

    def save_while_another_does(*given: Any, **options: Any) -> None:  # in another container
        monkeypatch.setattr(np, "save", save)
        cache(str(photo), lambda _: pixels)
        save(*given, **options)

    monkeypatch.setattr(np, "save", save_while_another_does)
    with warnings.catch_warnings(action="error"):
        np.testing.assert_array_equal(cache(str(photo), lambda _: pixels), pixels)
    assert len([*(tmp_path / "cache").rglob("*.*")]) == 1


def test_a_full_cache_costs_time_only(
    photo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.warns(UserWarning, match="cannot keep decoded images.*No space left"):
        pixels = load(photo, tmp_path / "cache")
    np.testing.assert_array_equal(pixels, load(photo, None))
    assert not [*(tmp_path / "cache").rglob("*.*")]
