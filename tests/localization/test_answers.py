"""Answers as GeoJSON, rows, CSV and data frames."""

import builtins
import csv
import json
import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geoloc.errors import ConfigError
from geoloc.localization import Answer, Answers, Unread
from geoloc.localization.answer_geojson import line

latlons = st.tuples(st.floats(-90, 90), st.floats(-180, 180))
GEOMETRIES = {"Point": 1, "MultiPoint": 2, "LineString": 2, "MultiLineString": 3}


def answer(
    estimate: tuple[float, float] | None = (48.0, 11.0),
    position: tuple[float, float] | None = (48.001, 11.0),
    places: int = 2,
) -> Answer:
    rows = np.arange(places)
    latlon = np.array([[48.0, 11.0 + row / 8] for row in rows]).reshape(-1, 2)
    scores = (0.9 - rows / 16).astype(np.float32)
    images = tuple(Path(f"/gallery/{row}.jpg") for row in rows)
    photo = Path(b'caf\xe9, "1".jpg'.decode("utf-8", "surrogateescape"))
    return Answer(photo, rows, latlon, scores, images, position, estimate, 25.0, 0.9)


def check_geojson(collection: dict[str, Any]) -> None:
    """Check what RFC 7946 asks of a FeatureCollection."""
    assert collection["type"] == "FeatureCollection"
    for feature in collection["features"]:
        assert set(feature) == {"type", "geometry", "properties"}
        assert feature["type"] == "Feature"
        geometry = feature["geometry"]
        points = geometry["coordinates"]
        for _ in range(3 - GEOMETRIES[geometry["type"]]):
            points = [points]
        for part in points:
            assert geometry["type"] not in ("LineString", "MultiLineString") or len(part) >= 2
            for lon, lat in part:
                assert -180 <= lon <= 180
                assert -90 <= lat <= 90
            for (lon_a, _), (lon_b, _) in pairwise(part):
                if "Line" in geometry["type"]:
                    assert abs(lon_a - lon_b) <= 180  # no part crosses the antimeridian


@given(latlons, st.none() | latlons, st.integers(0, 3))
def test_every_answer_is_valid_geojson(
    estimate: tuple[float, float], position: tuple[float, float] | None, places: int
) -> None:
    collection = Answers([answer(estimate, position, places)]).to_geojson()
    check_geojson(json.loads(json.dumps(collection, allow_nan=False)))
    kinds = {feature["properties"]["kind"] for feature in collection["features"]}
    assert kinds == {"estimate"} | ({"photo", "error"} if position else set()) | (
        {"places"} if places else set()
    )


@given(latlons, latlons)
def test_lines_go_the_short_way_and_meet_at_the_edge(
    start: tuple[float, float], end: tuple[float, float]
) -> None:
    found = line(start, end)["coordinates"]
    parts = [found] if isinstance(found[0][0], float) else found
    ends = [round(value, 7) for value in (*start[::-1], *end[::-1])]
    assert [*parts[0][0], *parts[-1][-1]] == ends
    length = sum(abs(b[0] - a[0]) for a, b in parts)
    short = abs(start[1] - end[1])
    assert length == pytest.approx(min(short, 360 - short), abs=1e-6)
    if len(parts) == 2:
        (_, last), (first, _) = parts
        assert last[0] == -first[0]
        assert abs(last[0]) == 180
        assert last[1] == first[1]


def test_a_line_across_the_antimeridian() -> None:
    assert line((10.0, 179.0), (12.0, -179.0)) == {
        "type": "MultiLineString",
        "coordinates": [[[179.0, 10.0], [180.0, 11.0]], [[-180.0, 11.0], [-179.0, 12.0]]],
    }


def test_tables(tmp_path: Path) -> None:
    answers = Answers([answer(), answer(position=None)], [Unread(Path("x"), "empty")])
    (first, second) = answers.to_rows()
    assert first["error_m"] == pytest.approx(111.2, abs=0.1)
    assert first["best_image"] == "/gallery/0.jpg"
    assert second["error_m"] is None
    assert math.isclose(first["best_score"], 0.9, rel_tol=1e-6)
    places = answers.to_rows(per="place")
    assert [row["rank"] for row in places] == [1, 2, 1, 2]
    assert places[0]["distance_m"] == pytest.approx(111.2, abs=0.1)
    answers.to_csv(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", encoding="utf-8", newline="") as stream:
        read = [*csv.DictReader(stream)]
    assert read[0]["photo"] == 'caf\\udce9, "1".jpg'
    assert float(read[0]["lat"]) == 48.0
    assert read[1]["error_m"] == ""
    answers.to_geojson(tmp_path / "a.geojson")
    check_geojson(json.loads((tmp_path / "a.geojson").read_text()))
    with pytest.raises(ConfigError, match="per='image'"):
        answers.to_rows(per="image")


def test_without_pandas_the_error_tells_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    original = builtins.__import__

    def without_pandas(name: str, *args: Any, **options: Any) -> Any:
        if name == "pandas":
            raise ImportError(name)
        return original(name, *args, **options)

    monkeypatch.setattr(builtins, "__import__", without_pandas)
    with pytest.raises(ConfigError, match="pip install pandas"):
        Answers([answer()]).to_dataframe()


def test_data_frames() -> None:
    pytest.importorskip("pandas")
    frame = Answers([answer(), answer()]).to_dataframe(per="place")
    assert len(frame) == 4
    assert len(Answers([]).to_dataframe().columns) == 12
