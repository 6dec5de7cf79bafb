"""Readers of text and EXIF take any bytes: they read them, or refuse them in one sentence."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geoloc.datasets import Index
from geoloc.datasets.photo_positions import read_positions
from geoloc.engine.declarative_config import read_declarative
from geoloc.errors import GeolocError
from geoloc.geo.exif_gps import ExifPosition, read_exif_position
from tests.corpus import configs, images, tables

HERE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
GOOD_INDEX = (tables.HEADER + tables.ROW * 2).encode()
GOOD_CONFIG = json.dumps(configs.GOOD).encode()
GOOD_YAML = b"model:\n  type: CrossViewRetriever\n  losses: {x: [1, 2.5, 'a', true, null]}\n"
PHOTO = images.rotated(6)
EXIF = PHOTO.index(b"Exif\0\0")


@st.composite
def mutations(draw: st.DrawFn, content: bytes, start: int = 0, stop: int | None = None) -> bytes:
    """Bytes of a good file, some of them changed, taken out or repeated."""
    changed = bytearray(content)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(start, min(stop or len(changed), len(changed)) - 1))
        length = draw(st.integers(0, 4))
        changed[at : at + length] = draw(st.binary(max_size=4))
    return bytes(changed)


def refused_in_one_sentence(read: Callable[[Path], Any], file: Path, content: bytes) -> Any:
    file.write_bytes(content)
    try:
        return read(file)
    except GeolocError as error:
        message = str(error)
    assert "\n" not in message
    assert file.name in message
    assert len(message) < 1500
    return None


@HERE
@given(st.one_of(st.binary(max_size=200), mutations(GOOD_INDEX)))
def test_index(tmp_path: Path, content: bytes) -> None:
    index = refused_in_one_sentence(Index.read_csv, tmp_path / "index.csv", content)
    if index is not None:
        index.to_csv(tmp_path / "again.csv")
        again = Index.read_csv(tmp_path / "again.csv")
        assert again.path.tolist() == index.path.tolist()
        assert again.place.tolist() == index.place.tolist()


@HERE
@given(st.one_of(st.binary(max_size=100), mutations(b"path,lat,lon\na.jpg,1.5,2.5\n")))
def test_positions(tmp_path: Path, content: bytes) -> None:
    refused_in_one_sentence(read_positions, tmp_path / "positions.csv", content)


@HERE
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
@pytest.mark.parametrize("name", ["config.json", "config.yaml"])
def test_config_of_any_bytes(tmp_path: Path, name: str, content: bytes) -> None:
    refused_in_one_sentence(read_declarative, tmp_path / name, content)


@HERE
@given(st.data())
@pytest.mark.parametrize(("name", "good"), [("a.json", GOOD_CONFIG), ("a.yaml", GOOD_YAML)])
def test_config_of_changed_bytes(
    tmp_path: Path, name: str, good: bytes, data: st.DataObject
) -> None:
    content = data.draw(mutations(good))
    refused_in_one_sentence(read_declarative, tmp_path / name, content)


KEYS = st.sampled_from(["type", "_base_", "_delete_", "_scope_", "__tuple__", "model", "a", ""])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=12,
)


@HERE
@given(st.dictionaries(KEYS, VALUES, max_size=4))
def test_config_of_any_values(tmp_path: Path, content: dict[str, Any]) -> None:
    text = json.dumps(content).encode()
    read = refused_in_one_sentence(read_declarative, tmp_path / "config.json", text)
    assert read is None or isinstance(read, dict)


@HERE
@given(st.one_of(st.binary(max_size=200), mutations(PHOTO, EXIF, EXIF + 60)))
def test_exif(tmp_path: Path, content: bytes) -> None:
    position = refused_in_one_sentence(read_exif_position, tmp_path / "a.jpg", content)
    assert position is None or isinstance(position, ExifPosition)
