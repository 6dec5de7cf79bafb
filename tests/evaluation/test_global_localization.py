import json

import numpy as np
import pytest
import torch

from geoloc.datasets.index import Index
from geoloc.errors import ConfigError, DatasetError
from geoloc.evaluation import GlobalLocalization
from geoloc.evaluation.prediction_files import load_predictions
from geoloc.geo.continents import continent_of
from geoloc.registry import METRICS

TRUE = np.array([[10.0, 20.0], [-30.0, 179.9], [89.0, 5.0], [0.0, 0.0]])
TEXTS = (("Alba_Bay_North_FR", "Brig_Bay_North_FR"), ("FR", "AU"))


def photos(labelled: bool = True) -> Index:
    labels = {
        "labels": np.array([[0, 0], [1, 0], [1, 1], [1, 1]]),
        "label_names": ("city", "country"),
        "label_texts": TEXTS,
    }
    path = np.array([f"{number}.jpg" for number in range(4)])
    split, view = np.full(4, "test"), np.full(4, "photo")
    more = labels if labelled else {}
    return Index(path, view, np.arange(4), TRUE[:, 0], TRUE[:, 1], split, "", **more)


def metric(index: Index | None = None, **options) -> GlobalLocalization:
    made = METRICS.build({"type": "GlobalLocalization", "resamples": 50, **options})
    made.dataset_meta = {
        "index": photos() if index is None else index,
        "thresholds_m": (),
        "protocol": {"dataset": "example"},
    }
    return made


def feed(made: GlobalLocalization, rows, guesses=TRUE) -> GlobalLocalization:
    for row in rows:
        best = guesses[[row]][:, None]
        sample = {
            "rows": torch.tensor([row]),
            "coordinates": torch.from_numpy(np.concatenate([best, best * 0], axis=1)),
            "probabilities": torch.tensor([[0.7, 0.2]]),
        }
        made.process(None, [sample])
    return made


def test_rows_count_once_and_in_any_order() -> None:
    guesses = TRUE + np.array([[0, 0], [0, 0.2], [0, 0], [0.0, 30.0]])
    guesses[1, 1] -= 360
    found = feed(metric(), [2, 3, 0, 1, 3, 3], guesses).evaluate(4)
    assert found["photo->gps/photos"] == 4
    assert found["photo->gps/Acc@1km"] == 50
    assert found["photo->gps/Acc@25km"] == 75  # over the date line
    assert found["photo->gps/error/mean_km"] == pytest.approx((19.26 + 3335.85) / 4, abs=0.01)


def test_a_photo_without_prediction_is_refused() -> None:
    with pytest.raises(DatasetError, match="3 of 4 test photos have a predicted position"):
        feed(metric(), [0, 1, 2]).evaluate(4)


def test_the_files_of_a_run(tmp_path) -> None:
    made = metric(preset="osv5m", output_dir=str(tmp_path), config_hash="abc")
    feed(made, [1, 0, 3, 2]).evaluate(4)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["photo->gps"]["GeoScore"] == pytest.approx(5000)
    assert content["intervals"]["photo->gps"]["GeoScore"] == pytest.approx([5000, 5000])
    assert content["config_hash"] == "abc"
    assert content["protocol"]["measure"] == {
        "preset": "osv5m",
        "distance": "haversine",
        "inclusive": False,
    }
    predictions = load_predictions(tmp_path)
    np.testing.assert_array_equal(predictions.coordinates[:, 0], TRUE)
    assert predictions.probabilities.shape == (4, 2)
    assert Index.read_csv(tmp_path / "index.csv").path.tolist() == photos().path.tolist()
    assert not list(tmp_path.glob("*.part"))


def test_areas_continents_and_the_oracle(tmp_path) -> None:
    (tmp_path / "towns.csv").write_text(
        "lat,lon,name,admin1,admin2,cc\n10,20,Alba,North,Bay,FR\n0,0,Brig,North,Bay,AU\n"
    )
    (tmp_path / "gallery.csv").write_text("LAT,LON\n10,20\n-30,-179.9\n")
    options = {
        "area": tmp_path / "towns.csv",
        "by_continent": True,
        "gallery": tmp_path / "gallery.csv",
    }
    found = feed(metric(**options), range(4)).evaluate(4)
    assert found["photo->gps/area/country"] == 50  # the middle two lie nearest to a town abroad
    assert found["photo->gps/area/city"] == 25
    assert found["photo->gps/Europe/GeoScore"] == pytest.approx(5000)
    assert found["photo->gps/oracle/Acc@1km"] == 25
    assert found["photo->gps/oracle/Acc@25km"] == 50


def test_areas_that_the_dataset_lacks_are_named(tmp_path) -> None:
    with pytest.raises(ConfigError, match="by_continent needs the countries of the photos"):
        feed(metric(photos(labelled=False), by_continent=True), range(4)).evaluate(4)
    with pytest.raises(ConfigError, match="resamples=-1"):
        metric(resamples=-1)


def test_without_resamples_there_are_no_intervals(tmp_path) -> None:
    feed(metric(resamples=0, output_dir=str(tmp_path)), range(4)).evaluate(4)
    content = json.loads((tmp_path / "metrics.json").read_text())
    assert content["intervals"] == {"photo->gps": {}}


def test_continents() -> None:
    countries = ("KE", "AQ", "JP", "FR", "CA", "NZ", "BR", "ZZ")
    assert list(map(continent_of, countries)) == [
        *("Africa", "Antarctica", "Asia", "Europe", "North America", "Oceania", "South America"),
        "",
    ]
