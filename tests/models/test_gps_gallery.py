from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from geoloc.datasets.feature_file import COLUMNS
from geoloc.errors import (
    ConfigError,
    CoordinateError,
    DatasetError,
    DatasetNotFoundError,
    IndexFormatError,
)
from geoloc.geo import geodesic_distance
from geoloc.geo.fibonacci_sphere import fibonacci_sphere
from geoloc.models import most_probable as search
from geoloc.models.galleries import CsvGallery, FeatureGallery, FibonacciGallery, SourceGallery
from geoloc.models.gps_gallery import GpsGallery
from geoloc.models.location_encoders import LocationEncoder
from geoloc.models.most_probable import most_probable
from tests.datasets.photos import write_photos


@pytest.mark.parametrize("tile", [7, 100, 2**22])
def test_tiles_change_nothing(tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    monkeypatch.setattr(search, "PAIRS_PER_TILE", tile)
    images = F.normalize(torch.randn(3, 8), dim=1)
    locations = F.normalize(torch.randn(500, 8), dim=1)
    index, probabilities = most_probable(images, locations, scale=14.0, k=20)
    expected = (14.0 * images @ locations.T).softmax(dim=1).topk(20)
    assert torch.equal(index, expected.indices)
    torch.testing.assert_close(probabilities, expected.values, rtol=1e-4, atol=1e-7)
    whole = most_probable(images, locations, scale=14.0, k=500)[1].sum(dim=1)
    torch.testing.assert_close(whole, torch.ones(3))


def test_equal_candidates_come_in_the_order_of_the_gallery(monkeypatch) -> None:
    monkeypatch.setattr(search, "PAIRS_PER_TILE", 9)
    locations = torch.ones(30, 1)
    locations[::2] = -1
    index, probabilities = most_probable(torch.ones(1, 1), locations, scale=5.0, k=4)
    assert index.tolist() == [[1, 3, 5, 7]]
    assert len(set(probabilities[0].tolist())) == 1


def test_autocast_does_not_reach_the_search() -> None:
    torch.manual_seed(0)
    images, locations = (F.normalize(torch.randn(n, 8), dim=1) for n in (2, 50))
    plain = most_probable(images, locations, 14.0, 5)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        mixed = most_probable(images, locations, 14.0, 5)
    assert torch.equal(plain[1], mixed[1])


def test_chunks_of_the_encoding_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    encoder = LocationEncoder((1,), num_frequencies=4, hidden_dims=8, embed_dims=5)
    gallery = FibonacciGallery(100)
    monkeypatch.setattr("geoloc.models.gps_gallery.POSITIONS_PER_CHUNK", 33)
    embeddings = gallery.embeddings(encoder)
    whole = F.normalize(encoder(gallery.coordinates), dim=1)
    torch.testing.assert_close(embeddings, whole)
    assert not embeddings.requires_grad


def test_fibonacci_positions_are_evenly_spread() -> None:
    latlon = fibonacci_sphere(2000)
    assert abs(np.mean(np.abs(latlon[:, 0]) > 30) - 0.5) < 0.01  # half the area of the Earth
    assert np.abs(latlon[:, 1]).max() <= 180
    distance = geodesic_distance(latlon, latlon) / 1000
    np.fill_diagonal(distance, np.inf)
    nearest = distance.min(axis=1)
    assert nearest.max() / nearest.min() < 1.5
    assert np.median(nearest) == pytest.approx(20_000 / 2000**0.5, rel=0.2)
    with pytest.raises(ConfigError, match="size=0"):
        FibonacciGallery(0)


def test_csv_in_the_official_layout(tmp_path: Path) -> None:
    file = tmp_path / "gallery.csv"
    file.write_text("LAT,LON\n48.5,2.25\n-90,180\n")
    assert CsvGallery(file).coordinates.tolist() == [[48.5, 2.25], [-90.0, 180.0]]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lat,lon\n1,2\n", r"gallery.csv:1: column 'LAT' is missing; .* LAT, LON"),
        ("LAT,LON\n1,2\nnorth,2\n", r"gallery.csv:3: 'north', '2' must be numbers of degrees"),
        ("LAT,LON\n1,2\n\n1,181\n", r"gallery.csv:4: lon=181.0 is outside \[-180, 180\]"),
        ("LAT,LON\n120.5,31\n", r"gallery.csv:2: lat=120.5 .* looks like \(lon, lat\)"),
    ],
)
def test_bad_csv_files(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "gallery.csv").write_text(text)
    with pytest.raises(IndexFormatError, match=message):
        CsvGallery(tmp_path / "gallery.csv")


def test_missing_or_empty_galleries(tmp_path: Path) -> None:
    with pytest.raises(DatasetNotFoundError, match=r"there is no file .*nowhere.csv"):
        CsvGallery(tmp_path / "nowhere.csv")
    (tmp_path / "empty.csv").write_text("LAT,LON\n")
    with pytest.raises(ConfigError, match=r"empty.csv: a GPS gallery needs at least one position"):
        CsvGallery(tmp_path / "empty.csv")
    with pytest.raises(CoordinateError, match=r"row 1: lat=91.0 is outside"):
        GpsGallery([[0.0, 0.0], [91.0, 180.0]])


def test_positions_of_a_source(tmp_path: Path) -> None:
    source = write_photos(tmp_path, train=6, test=2)
    every = SourceGallery(source, "train").coordinates
    assert len(every) == 6
    some = SourceGallery(source, "train", size=3).coordinates
    assert {tuple(row) for row in some.tolist()} < {tuple(row) for row in every.tolist()}
    assert torch.equal(some, SourceGallery(source, "train", size=3).coordinates)
    with pytest.raises(DatasetError, match=r"split='val' of index has no positions"):
        SourceGallery(source, "val")
    with pytest.raises(ConfigError, match="size=0"):
        SourceGallery(source, size=0)


def test_positions_of_features_count_once(tmp_path: Path) -> None:
    for name, value in zip(COLUMNS, (["a", "b"], np.ones((2, 3)), np.ones((2, 2))), strict=True):
        np.save(tmp_path / f"{name}.npy", np.array(value))
    assert FeatureGallery(tmp_path).coordinates.tolist() == [[1.0, 1.0]]
