import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from geopy.distance import geodesic
from PIL import Image
from scipy.io import savemat

from geoloc.datasets.cvact import CVACT
from geoloc.datasets.place_levels import place_levels
from geoloc.errors import ConfigError, DatasetError, DatasetNotFoundError

NAMES = [f"pano{k}" for k in range(8)]
ROWS = {"trainSet": [1, 4, 6], "valSet": [2, 3], "valSetAll": [3, 5, 7, 8]}
FIELDS = {"trainSet": "trainInd", "valSet": "valInd", "valSetAll": "valInd"}
UTM = np.array([[693000.0 + 4 * k, 6094000.0] for k in range(8)])


def describe(root: Path, **changes) -> None:
    content = {
        "panoIds": np.array(NAMES, dtype=object),
        "utm": UTM,
        **{
            name: {FIELDS[name]: np.array(rows, dtype=np.float64)[:, None]}
            for name, rows in ROWS.items()
        },
        **changes,
    }
    savemat(str(root / "ACT_data.mat"), content)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Eight places, 4 m apart, in the layout of CVACT."""
    describe(tmp_path)
    for folder in ("ANU_data_small", "ANU_data_test"):
        for name in NAMES:
            for file in (
                f"streetview/{name}_grdView.jpg",
                f"satview_polish/{name}_satView_polish.jpg",
                f"polarmap/{name}_satView_polish.png",
            ):
                path = tmp_path / folder / file
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.new("RGB", (4, 4)).save(path)
    return tmp_path


def test_splits_files_and_positions_are_read(root) -> None:
    index = CVACT(root, counts=None).index
    assert index.select(split="train").places.tolist() == [1, 4, 6]
    assert index.select(split="val", view="satellite").path.tolist() == [
        "ANU_data_small/satview_polish/pano1_satView_polish.jpg",
        "ANU_data_small/satview_polish/pano2_satView_polish.jpg",
    ]
    at = {
        place: (lat, lon) for place, lat, lon in zip(index.place, index.lat, index.lon, strict=True)
    }
    assert geodesic(at[1], at[4]).m == pytest.approx(12, rel=1e-3)
    polar = CVACT(root, polar=True, counts=None).index.select(view="satellite")
    assert polar.path[0] == "ANU_data_small/polarmap/pano0_satView_polish.png"


def test_the_test_split_counts_everything_within_a_radius(root) -> None:
    source = CVACT(root, splits=["test"], thresholds_m=(5.0,), counts=None)
    assert set(source.index.split) == {"test"}
    assert source.index.path[0].startswith("ANU_data_test/streetview/pano2")
    levels = place_levels(source.index, source.thresholds_m)
    labels = torch.arange(4)
    # places 3, 5, 7, 8: only the last two are within 5 m
    assert levels(labels, labels).tolist() == [
        *([1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1])
    ]


def test_a_pair_without_a_file_is_left_out(root) -> None:
    (root / "ANU_data_small/streetview/pano3_grdView.jpg").unlink()
    with pytest.warns(UserWarning, match="1 of 3 pairs of train lack a file and are left out"):
        index = CVACT(root, counts=None).index
    assert index.select(split="train").places.tolist() == [1, 6]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CVACT(root, splits=["val"], counts=None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"utm": UTM[:5]}, "8 panoIds but 5 positions in utm"),
        ({"trainSet": {"trainInd": np.array([[1.0], [9.0]])}}, "train names row 9 of 8 panoIds"),
        ({"trainSet": {"rows": np.array([[1.0]])}}, "lacks .*trainInd"),
    ],
)
def test_a_wrong_description_is_named(root, changes, message) -> None:
    describe(root, **changes)
    with pytest.raises(DatasetError, match=message):
        CVACT(root, counts=None)


def test_what_cannot_work_is_named(root, tmp_path) -> None:
    with pytest.raises(DatasetError, match="train has 3 pairs where CVACT has 35532"):
        CVACT(root)
    with pytest.raises(ConfigError, match=r"splits=\['tset'\]: choose among train, val, test"):
        CVACT(root, splits=["tset"])
    with pytest.raises(DatasetNotFoundError, match="Request it as"):
        CVACT(tmp_path / "nowhere")
    (root / "ACT_data.mat").write_bytes(b"no matrix")
    with pytest.raises(DatasetError, match="cannot be read"):
        CVACT(root, counts=None)
