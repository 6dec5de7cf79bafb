from pathlib import Path

import pytest

from geoloc.datasets.dense_uav import DenseUAV
from geoloc.errors import DatasetError, DatasetNotFoundError, IndexFormatError
from tests.datasets.conftest import write_denseuav


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write_denseuav(tmp_path, places=(1, 2), query=(3,))


def test_images_and_positions_are_read(root) -> None:
    index = DenseUAV(root, counts=None).index
    assert index.select(split="train", view="satellite").path.tolist()[:2] == [
        *("train/satellite/000001/H100.tif", "train/satellite/000001/H100_old.tif")
    ]
    assert len(index.select(split="gallery")) == 3 * 9
    assert set(index.lat[index.place == 2].tolist()) == {30.25}
    assert set(index.lon[index.place == 2].tolist()) == {120.20100}  # at its last line
    assert DenseUAV(root, thresholds_m=(50.0,), counts=None).thresholds_m == (50.0,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("train/drone/000001/H80.JPG 120.1 30.1", r"must read <folder>/<id>/<image> E<lon> N"),
        ("train/drone/one/H80.JPG E120.1 N30.1 80", r"must read <folder>/<id>"),
        ("train/drone/000001/H80.JPG E120.1 N95.1 80", r"lat|latitude"),
    ],
)
def test_a_wrong_position_is_named(root, text, message) -> None:
    file = root / "Dense_GPS_ALL.txt"
    lines = file.read_text().splitlines()
    lines[1] = text
    file.write_text("\n".join(lines))
    with pytest.raises(IndexFormatError, match=message) as error:
        DenseUAV(root, counts=None)
    assert str(error.value).startswith(f"{file}:2: ")


def test_what_is_missing_is_named(root, tmp_path) -> None:
    with pytest.raises(DatasetError, match="train drone has 6 images of 2 places where DenseUAV"):
        DenseUAV(root)
    file = root / "Dense_GPS_ALL.txt"
    kept = [line for line in file.read_text().splitlines() if "000002" not in line]
    file.write_text("\n".join(kept))
    with pytest.raises(DatasetError, match="no position of 1 places, the first is 000002"):
        DenseUAV(root, counts=None)
    file.unlink()
    with pytest.raises(DatasetNotFoundError, match=r"Dense_GPS_ALL.txt.\nRequest it as"):
        DenseUAV(root, counts=None)
