import numpy as np
import pytest

from geoloc.datasets import DACampus, ValidationCampuses
from geoloc.errors import ConfigError
from geoloc.geo import campus_labels, geodesic_distance


@pytest.fixture
def source(da_campus) -> dict:
    return {"type": "DACampus", "data_root": str(da_campus), "counts": None}


def test_whole_campuses_are_held_out(source, da_campus) -> None:
    before = DACampus(da_campus, counts=None).index
    index = ValidationCampuses(source).index
    assert set(index.split) == {"train", "val", "test"}
    moved = index.split != before.split
    assert (before.split[moved] == "train").all()
    assert (index.split[moved] == "val").all()
    train, val = index.select(split="train"), index.select(split="val")
    assert len(train.places) + len(val.places) == len(before.select(split="train").places)
    assert geodesic_distance(train.place_latlon, val.place_latlon).min() > 500
    assert len(np.unique(campus_labels(val.place_latlon, 500.0))) == 1
    assert set(val.view) == {"drone", "satellite"}
    # The small dataset numbers its places alternately, so that the last one tells the campus.
    assert val.places.max() == before.select(split="train").places.max()


def test_other_data_have_another_fingerprint(source, da_campus) -> None:
    held_out = ValidationCampuses(source).protocol
    assert held_out.dataset == "DA-Campus"
    assert held_out.fingerprint != DACampus(da_campus, counts=None).protocol.fingerprint


@pytest.mark.parametrize("campuses", [0, 2])
def test_some_campuses_must_be_left_and_some_held_out(source, campuses) -> None:
    with pytest.raises(ConfigError, match=f"campuses={campuses}: .* 2 train campuses"):
        ValidationCampuses(source, campuses)
