import pytest
from PIL import Image

from geoloc.datasets import Im2GPS3k, PhotoFolder
from geoloc.errors import DatasetError, DatasetNotFoundError, IndexFormatError
from geoloc.registry import DATASETS

TABLE = """IMG_ID,AUTHOR,LAT,LON,S3_Label
a/1@N00.jpg,x,10.5,20.25,0
2_b.jpg,y,-10,170,1
"""


@pytest.fixture
def root(tmp_path):
    for name in ("a/1@N00.jpg", "2_b.jpg"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / "images" / name)
    (tmp_path / "im2gps3k_places365.csv").write_text(TABLE)
    return tmp_path


def test_photos_and_positions_are_read(root) -> None:
    source = Im2GPS3k(root)
    index = source.index
    assert source.protocol.dataset == "Im2GPS3k"
    assert index.path.tolist() == ["images/a/1@N00.jpg", "images/2_b.jpg"]
    assert index.place.tolist() == [1, 2]
    assert list(zip(index.lat, index.lon, strict=True)) == [(10.5, 20.25), (-10.0, 170.0)]
    assert index.split.tolist() == ["test", "test"]


def test_other_names_and_suffixes(root) -> None:
    (root / "table.csv").write_text("file,latitude,longitude\n2_b,1,2\n")
    source = PhotoFolder(
        root,
        "table.csv",
        id_column="file",
        lat_column="latitude",
        lon_column="longitude",
        suffix=".jpg",
        split="val",
    )
    assert source.index.path.tolist() == ["images/2_b.jpg"]
    assert source.index.split.tolist() == ["val"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("../b.jpg,y,1,2,0", r":4: .*path '../b.jpg' must be relative to images/"),
        ("2_b.jpg,y,1,2,0", r":4: id '2_b.jpg' is already in line 3"),
        (",y,1,2,0", r":4: path '' must be relative"),
    ],
)
def test_a_wrong_line_is_named(root, line, message) -> None:
    (root / "im2gps3k_places365.csv").write_text(TABLE + line + "\n")
    with pytest.raises(IndexFormatError, match=message):
        Im2GPS3k(root)


@pytest.mark.parametrize("name", ["Im2GPS3k", "YFCC4k", "YFCC26k"])
def test_what_is_missing_is_named(root, name) -> None:
    with pytest.raises(DatasetNotFoundError, match=f"{name} is not in"):
        DATASETS.build({"type": name, "data_root": root, "table": "nowhere.csv"})
    (root / "images/2_b.jpg").unlink()
    with pytest.raises(DatasetError, match=r"1 of 2 image files are missing"):
        DATASETS.build({"type": name, "data_root": root, "table": "im2gps3k_places365.csv"})
