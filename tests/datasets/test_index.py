import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geoloc.datasets import Index
from geoloc.datasets.index import COLUMNS
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import ConfigError, DatasetNotFoundError, IndexFormatError

HEADER = "path,view,place,lat,lon,split"
GOOD = "sat/1.png,satellite,7,1.5,2.5,train"


def example(root: Path = Path("data")) -> Index:
    return Index(
        path=["a.png", "b.png", "c.png", "d.png"],
        view=["drone", "satellite", "drone", "drone"],
        place=[9, 9, -2, 4],
        lat=[1.0, 1.0, 2.0, 3.0],
        lon=[10.0, 10.0, 20.0, 30.0],
        split=["train", "train", "test", "train"],
        root=root,
    )


def write(folder: Path, *lines: str, header: str = HEADER) -> Path:
    file = folder / "index.csv"
    file.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return file


def test_places_labels_and_positions():
    index = example()
    assert index.places.tolist() == [-2, 4, 9]
    assert index.place_labels.tolist() == [2, 2, 0, 1]
    assert index.place_labels.dtype == np.int64
    assert index.place_latlon.tolist() == [[2.0, 20.0], [3.0, 30.0], [1.0, 10.0]]
    assert index.file(2) == Path("data/c.png")


def test_select():
    index = example()
    assert index.select(split="train").path.tolist() == ["a.png", "b.png", "d.png"]
    assert index.select(view="drone").path.tolist() == ["a.png", "c.png", "d.png"]
    assert index.select(split="train", view=["drone", "satellite"]).place.tolist() == [9, 9, 4]
    part = index.select(split="train", view="drone")
    assert (len(part), part.root, part.place_labels.tolist()) == (2, index.root, [1, 0])
    assert len(index.select(split="val")) == 0


def labelled() -> Index:
    """Three places of a label tree, without positions."""
    return Index(
        path=["a.png", "b.png", "c.png", "d.png"],
        view=["image"] * 4,
        place=[5, 2, 5, 9],
        lat=[np.nan] * 4,
        lon=[np.nan] * 4,
        split=["train"] * 4,
        root=Path("data"),
        labels=[[1, 0], [1, 0], [1, 0], [3, 0]],
        label_names=("middle", "coarse"),
    )


def test_a_label_tree_gives_levels_and_survives_a_file(tmp_path: Path):
    index = labelled()
    index.to_csv(tmp_path / "index.csv")
    assert (tmp_path / "index.csv").read_text().splitlines()[:2] == [
        f"{HEADER},label_middle,label_coarse",
        "a.png,image,5,,,train,1,0",
    ]
    again = Index.read_csv(tmp_path / "index.csv", root="data")
    assert not again.has_positions
    assert again.label_names == ("middle", "coarse")
    np.testing.assert_array_equal(again.labels, index.labels)
    levels = place_levels(again.take([3, 1, 0]), ())
    assert (len(levels), levels.highest) == (3, 3)
    places = torch.arange(3)  # 2, 5, 9
    assert levels(places, places).tolist() == [[3, 2, 1], [2, 3, 1], [1, 1, 3]]
    assert levels(places[:1], places[1:]).tolist() == [[2, 1]]


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        ("label_middle", "b.png,image,5,,,train,x", "label_middle 'x' must be a whole number"),
        ("label_middle", "b.png,image,5,,,train,8", "place 5 has label_middle 8 here and another"),
        ("middle", "b.png,image,5,,,train,1", "unknown column 'middle'"),
        ("label_middle", "b.png,image,6,1.0,2.0,train,1", "lat=nan lon=nan is not a finite"),
    ],
)
def test_a_wrong_label_is_named(tmp_path: Path, header: str, line: str, reason: str):
    file = write(tmp_path, "a.png,image,5,,,train,1", line, header=f"{HEADER},{header}")
    with pytest.raises(IndexFormatError, match=re.escape(reason)):
        Index.read_csv(file)


@pytest.mark.parametrize(
    ("header", "line", "reason"),
    [
        ("also_1", "b.png,image,5,1.0,2.0,train,x", "also_1 'x' must be a whole number"),
        ("camera_lat", "b.png,image,5,1.0,2.0,train,1.0", "camera_lat and camera_lon need each"),
        (
            "camera_lat,camera_lon",
            "b.png,image,5,1.0,2.0,train,91.0,0.0",
            ":2: lat=91.0 is outside",
        ),
    ],
)
def test_a_wrong_further_place_or_camera_is_named(tmp_path: Path, header, line, reason):
    file = write(tmp_path, line, header=f"{HEADER},{header}")
    with pytest.raises(IndexFormatError, match=re.escape(reason)):
        Index.read_csv(file)


def test_columns_of_different_length():
    with pytest.raises(ConfigError, match="one length"):
        Index(["a"], ["drone"], [1], [0.0], [0.0], ["train"], Path(), also_shows=[[1], [2]])
    with pytest.raises(ConfigError, match="one length"):
        Index(["a"], ["drone"], [1, 2], [0.0], [0.0], ["train"], Path())


WORD = st.text(st.characters(exclude_categories=["Z", "C"]), min_size=1, max_size=6)
NAME = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\\:\r\n\0"), min_size=1
).filter(lambda name: name != ".." and name.strip())


@given(
    st.lists(
        st.tuples(
            NAME, WORD, st.integers(-(10**17), 10**17), st.floats(-90, 90), st.floats(-180, 180),
            WORD,
        ),
        min_size=1,
        max_size=8,
        unique_by=(lambda row: row[0], lambda row: row[2]),
    )
)  # fmt: skip
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_round_trip_is_exact(tmp_path, rows):
    index = Index(*(list(column) for column in zip(*rows, strict=True)), root=tmp_path)
    index.to_csv(tmp_path / "index.csv")
    back = Index.read_csv(tmp_path / "index.csv")
    assert back.root == tmp_path
    for name in COLUMNS:
        expected, found = getattr(index, name), getattr(back, name)
        assert found.dtype.kind == expected.dtype.kind
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("sat/2.png,satellite,8,1.5,2.5", "5 fields where the header has 6"),
        ("sat/2.png,satellite,8,1.5,2.5,train,x", "7 fields"),
        ("sat/2.png,satellite,eight,1.5,2.5,train", "place 'eight' must be a whole number"),
        ("sat/2.png,satellite,1_0,1.5,2.5,train", "place '1_0'"),
        ("sat/2.png,satellite,8,north,2.5,train", "lat 'north' must be a number"),
        ("sat/2.png,satellite,8,1.5,1_0,train", "lon '1_0' must be a number"),
        ("sat/2.png,satellite,8,1.5,181,train", r"lon=181\.0 is outside"),
        ("sat/2.png,satellite,8,nan,2.5,train", "lat=nan"),
        ("sat/2.png,satellite,8,112.9,28.2,train", r"looks like \(lon, lat\)"),
        ("sat/2.png,satellite,8,1.5,2.5,", "split '' must be one word"),
        ("sat/2.png,satellite,8,1.5,2.5,my split", "split 'my split'"),
        ("sat/2.png,,8,1.5,2.5,train", "view '' must be one word"),
        (",satellite,8,1.5,2.5,train", "path '' must be relative"),
        ("/sat/2.png,satellite,8,1.5,2.5,train", "path '/sat/2.png' must be relative"),
        ("C:/sat/2.png,satellite,8,1.5,2.5,train", "path 'C:/sat/2.png'"),
        ("sat/../../2.png,satellite,8,1.5,2.5,train", "stay inside"),
        ("..,satellite,8,1.5,2.5,train", "stay inside"),
        ("sat/1.png,satellite,8,1.5,2.5,train", r"already in .*index\.csv:2"),
        ("sat/2.png,satellite,7,1.5,2.6,train", r"at \(1\.5, 2\.6\) here and at \(1\.5, 2\.5\) in"),
        ("sat/2.png,satellite,7,1.5,2.5000001,train", "a place has one position"),
        ('"sat/2.png,satellite,8,1.5,2.5,train', "not a table"),
    ],
)
def test_bad_line_is_named(tmp_path, line, reason):
    file = write(tmp_path, GOOD, line, "sat/9.png,satellite,x,x,x,x,x"[:0])
    with pytest.raises(IndexFormatError, match=reason) as caught:
        Index.read_csv(file)
    assert str(caught.value).startswith(f"{file}:3: ")


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ("path,view,place,lat,lon", "column 'split' is missing"),
        (HEADER + ",heading", "unknown column 'heading'"),
        ("path,view,place,lon,lat,split", "in the order"),
        (HEADER + ",lat", "column 'lat' appears twice"),
        ("", "column 'path' is missing"),
    ],
)
def test_bad_header(tmp_path, header, reason):
    file = write(tmp_path, GOOD, header=header)
    with pytest.raises(IndexFormatError, match=reason) as caught:
        Index.read_csv(file)
    assert str(caught.value).startswith(f"{file}:1: ")


def test_dots_inside_a_name_are_no_way_out(tmp_path):
    index = Index.read_csv(write(tmp_path, "sat/a..b/..1.png,satellite,8,1.5,2.5,train"))
    assert index.path.tolist() == ["sat/a..b/..1.png"]


def test_blank_lines_and_byte_order_mark(tmp_path):
    file = tmp_path / "index.csv"
    file.write_text(f"{HEADER}\r\n\r\n{GOOD}\r\n", encoding="utf-8-sig")
    assert Index.read_csv(file, root="elsewhere").file(0) == Path("elsewhere/sat/1.png")


def test_unreadable_files(tmp_path):
    file = tmp_path / "index.csv"
    with pytest.raises(DatasetNotFoundError, match=r"index\.csv"):
        Index.read_csv(file)
    file.write_text(HEADER + "\n")
    with pytest.raises(IndexFormatError, match=r":1: there are no rows"):
        Index.read_csv(file)
    file.write_bytes(HEADER.encode() + b"\n\xff\xfe,satellite,7,1.5,2.5,train\n")
    with pytest.raises(IndexFormatError, match="not UTF-8"):
        Index.read_csv(file)
