from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from geoloc.datasets.density_split import density_validation
from geoloc.datasets.osv5m import OSV5M, THRESHOLDS_M
from geoloc.datasets.photo_table import normalise_degrees
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError, IndexFormatError

HEADER = (
    "id,latitude,longitude,thumb,country,unique_country,unique_region,unique_sub-region,unique_city"
)
ROWS = {
    "train": [
        '11,48.1,11.5,"http://a,b",DE,DE,Bavaria_DE,NaN_Bavaria_DE,Ulm_NaN_Bavaria_DE',
        "970000000000012,-43.9,-176.5,,NZ,NZ,Chatham Islands_NZ,NaN_Chatham Islands_NZ,W_NaN_C_NZ",
        "13,10,190,,XX,XX,A_XX,B_A_XX,C_B_A_XX",
    ],
    "test": [
        "21,0.25,-0.5,,DE,DE,Bavaria_DE,NaN_Bavaria_DE,Ulm_NaN_Bavaria_DE",
        "20,1,2,,FR,FR,R_FR,S_R_FR,T_S_R_FR",
    ],
}
SHARDS = {"11": "00", "970000000000012": "17", "13": "00", "21": "03", "20": "00"}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for split, rows in ROWS.items():
        (tmp_path / f"{split}.csv").write_text("\n".join([HEADER, *rows]) + "\n")
        for row in rows:
            name = row.split(",")[0]
            file = tmp_path / "images" / split / SHARDS[name] / f"{name}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (4, 4)).save(file)
    (tmp_path / "images/train/00/readme.jpg").touch()  # not named by a number
    return tmp_path


def test_rows_files_positions_and_areas_are_read(root) -> None:
    source = OSV5M(root)
    index = source.index
    assert index.place.tolist() == [11, 970000000000012, 13, 21, 20]
    assert index.split.tolist() == ["train"] * 3 + ["test"] * 2
    assert index.view.tolist() == ["photo"] * 5
    assert index.path[1] == "images/train/17/970000000000012.jpg"
    assert all(index.file(row).is_file() for row in range(5))
    assert index.lat.tolist() == [48.1, -43.9, 10.0, 0.25, 1.0]
    assert index.lon.tolist() == [11.5, -176.5, -170.0, -0.5, 2.0]
    assert index.label_names == ("city", "sub-region", "region", "country")
    assert index.label_text("country").tolist() == ["DE", "NZ", "XX", "DE", "FR"]
    test = index.select(split="test")
    assert test.label_text("city").tolist() == ["Ulm_NaN_Bavaria_DE", "T_S_R_FR"]
    assert source.thresholds_m == THRESHOLDS_M
    assert source.protocol.splits["test"] == {"places": 2, "images": {"photo": 2}}


def test_three_columns_are_enough(root) -> None:
    for split, rows in ROWS.items():
        lines = [",".join(row.split(",")[:3]) for row in rows]
        (root / f"{split}.csv").write_text("id,latitude,longitude\n\n" + "\n".join(lines))
    index = OSV5M(root).index
    assert index.lat.tolist() == [48.1, -43.9, 10.0, 0.25, 1.0]
    assert index.label_names == ()
    with pytest.raises(ConfigError, match="label 'country' has no texts"):
        index.label_text("country")


def test_one_split_alone(root) -> None:
    (root / "train.csv").unlink()
    assert OSV5M(root, splits=["test"]).index.place.tolist() == [21, 20]
    with pytest.raises(DatasetNotFoundError, match=r"there is no .*train.csv"):
        OSV5M(root)
    with pytest.raises(ConfigError, match="needs the split train"):
        OSV5M(root, splits=["test"], val_share=0.1)
    with pytest.raises(ConfigError, match="must name some of train, test"):
        OSV5M(root, splits=["val"])
    with pytest.raises(ConfigError, match=r"val_share=1\.5"):
        OSV5M(root, val_share=1.5)


LINE = "13,10,190,,XX,XX,A_XX,B_A_XX,C_B_A_XX"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LINE.replace("190", "east"), r"'10', 'east' must be a position in degrees"),
        (LINE.replace("190", "nan"), r"'10', 'nan' must be a position in degrees"),
        (LINE.replace("190", ""), r"'10', '' must be a position in degrees"),
        (LINE.replace("13,", "thirteen,"), r"id 'thirteen' must be a whole number"),
        (LINE.replace("13,", "11,"), r"id 11 is already in line 2"),
        (LINE + ",more", r"10 fields where the header has 9"),
        ("13,10", r"2 fields where the header has 9"),
        ('13,"10' + LINE[5:], r"not a table of ','-separated fields"),
    ],
)
def test_a_wrong_line_is_named(root, text, message) -> None:
    rows = [HEADER, *ROWS["train"][:2], text]
    (root / "train.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(IndexFormatError, match=message) as error:
        OSV5M(root)
    assert str(error.value).startswith(f"{root / 'train.csv'}:4: ")


def test_the_line_is_right_behind_blank_lines_and_line_breaks(root) -> None:
    first = ROWS["train"][0].replace("http://a,b", "a\nb")
    rows = [HEADER, "", first, "", LINE.replace("190", "east")]
    (root / "train.csv").write_text("\n".join(rows) + "\n")
    with pytest.raises(IndexFormatError, match=r"train.csv:6: '10', 'east'"):
        OSV5M(root)


def test_wrong_headers_are_named(root) -> None:
    (root / "train.csv").write_text("id,latitude,lon\n1,2,3\n")
    with pytest.raises(IndexFormatError, match=r"train.csv:1: column 'longitude' is missing"):
        OSV5M(root)
    (root / "train.csv").write_text("id,latitude,longitude\n")
    with pytest.raises(IndexFormatError, match=r"train.csv:1: there are no rows"):
        OSV5M(root)


def test_missing_and_doubled_photos_are_named(root) -> None:
    (root / "images/train/17/970000000000012.jpg").unlink()
    with pytest.raises(DatasetError, match=r"1 of 3 photos .* 970000000000012.jpg .*train.csv:3"):
        OSV5M(root)
    for shard in ("17", "18"):
        (root / "images/train" / shard).mkdir(exist_ok=True)
        (root / "images/train" / shard / "970000000000012.jpg").touch()
    with pytest.raises(DatasetError, match=r"train/17/.* and .*train/18/.* have one id"):
        OSV5M(root)


def test_a_photo_in_both_splits_is_named(root) -> None:
    rows = [HEADER, *ROWS["test"], LINE]
    (root / "test.csv").write_text("\n".join(rows) + "\n")
    (root / "images/test/00/13.jpg").touch()
    with pytest.raises(DatasetError, match=r"id 13 is in train.csv and in test.csv"):
        OSV5M(root)


def test_validation_is_drawn_from_train_and_less_where_it_is_crowded(root) -> None:
    source = OSV5M(root, val_share=0.4)
    assert source.protocol.splits["val"]["places"] == 1
    assert source.index.select(split="test").place.tolist() == [21, 20]
    generator = np.random.default_rng(0)
    crowd = generator.normal([48, 11], 0.2, (9000, 2))
    sparse = generator.uniform([-60, -170], [60, 170], (1000, 2))
    latlon = np.concatenate([crowd, sparse])
    drawn = density_validation(latlon, 0.1, 42)
    assert drawn.sum() == 1000
    assert drawn[9000:].mean() > 5 * drawn[:9000].mean()
    np.testing.assert_array_equal(drawn, density_validation(latlon, 0.1, 42))
    assert (drawn != density_validation(latlon, 0.1, 43)).any()


@pytest.mark.parametrize(
    ("given", "normal"),
    [
        ((91.0, 10.0), (89.0, -170.0)),
        ((-91.0, -10.0), (-89.0, 170.0)),
        ((45.0, 180.0), (45.0, -180.0)),
        ((45.0, 540.5), (45.0, -179.5)),
        ((90.0, 0.1), (90.0, 0.1)),
        ((0.1 + 0.2, -0.7), (0.1 + 0.2, -0.7)),  # to the last bit
    ],
)
def test_positions_are_normalised(given, normal) -> None:
    found = normalise_degrees(np.array([given]))[0]
    if given == normal:
        assert tuple(found) == normal
    np.testing.assert_allclose(found, normal, rtol=0, atol=1e-12)
